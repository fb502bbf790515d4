"""Gives recovery codes, and opens with them what they stand for."""

import pyseto
from pyseto import Key
from pyseto.exceptions import PysetoError

from auth_service.recovery_codes.domain import key_of, mark_of, new_codes
from auth_service.recovery_codes.errors import WrongRecoveryCode
from auth_service.recovery_codes.repository import RecoveryCodeRepository


class RecoveryCodeService:
    """The recovery codes of people."""

    def __init__(self, codes: RecoveryCodeRepository) -> None:
        self._codes = codes

    async def replace(self, user_id: str, secret: str) -> list[str]:
        """Give new codes for an authenticator's secret. They are shown once; earlier ones are void."""
        codes = new_codes()
        await self._codes.put(user_id, {mark_of(user_id, code): _seal(user_id, code, secret) for code in codes})
        return codes

    async def open(self, user_id: str, code: str) -> str:
        """The authenticator's secret; raises `WrongRecoveryCode`. The code stays good until `use`."""
        sealed = (await self._codes.get(user_id)).get(mark_of(user_id, code))
        if sealed is None:
            raise WrongRecoveryCode
        return _unseal(user_id, code, sealed)

    async def use(self, user_id: str, code: str) -> None:
        """Void a code; raises `WrongRecoveryCode` when it was used before."""
        if not await self._codes.remove(user_id, mark_of(user_id, code)):
            raise WrongRecoveryCode

    async def left(self, user_id: str) -> int:
        """How many codes are still good."""
        return len(await self._codes.get(user_id))

    async def forget(self, user_id: str) -> None:
        """Void all codes of a person, whose authenticator is off or whose account is gone."""
        await self._codes.delete(user_id)


def _seal(user_id: str, code: str, secret: str) -> str:
    key = Key.new(4, "local", key_of(user_id, code))
    return pyseto.encode(key, secret.encode(), implicit_assertion=user_id.encode()).decode()


def _unseal(user_id: str, code: str, sealed: str) -> str:
    try:
        opened = pyseto.decode(Key.new(4, "local", key_of(user_id, code)), sealed, implicit_assertion=user_id.encode())
    except PysetoError as error:
        raise WrongRecoveryCode from error
    return bytes(opened.payload).decode()  # type: ignore[arg-type]
