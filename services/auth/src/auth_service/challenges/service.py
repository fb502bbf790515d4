"""Poses the challenge of an authenticator, and judges its answer.

The challenge itself is Cognito's. Its session, and what the person asked for, wait with the client in a sealed flow.
"""

import time
from dataclasses import asdict
from typing import Any

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.challenges.errors import ChallengeOver, TooSoon, WrongAnswer
from auth_service.challenges.schemas import Challenged
from auth_service.lockouts.domain import CODE
from auth_service.lockouts.service import LockoutService
from auth_service.recovery_codes.domain import is_recovery_code, totp
from auth_service.recovery_codes.errors import WrongRecoveryCode
from auth_service.recovery_codes.service import RecoveryCodeService
from auth_service.user_pool.errors import Refused, WrongCode
from auth_service.user_pool.models import Challenge, Grant
from auth_service.user_pool.repository import UserPool
from messenger_contracts.events.auth import RecoveryCodeUsed, SignInFailed, SignInMethod
from servicekit.errors import ServiceError
from servicekit.telemetry import record_failure
from servicekit.tokens import Tokens

FLOW_SECONDS = 300.0
"""As long as Cognito waits: the client's AuthSessionValidity."""


class ChallengeService:
    """Asks for the second proof."""

    def __init__(
        self,
        *,
        pool: UserPool,
        accounts: AccountService,
        recovery: RecoveryCodeService,
        lockouts: LockoutService,
        log: SecurityLog,
        flows: Tokens,
    ) -> None:
        self._pool = pool
        self._accounts = accounts
        self._recovery = recovery
        self._lockouts = lockouts
        self._log = log
        self._flows = flows

    async def pose(self, challenge: Challenge, wish: dict[str, Any]) -> Challenged:
        """Ask for the code; `wish` comes back from `meet`."""
        claims = {**asdict(challenge), "wish": wish}
        return Challenged(flow=await self._flows.make(claims, FLOW_SECONDS))

    async def meet(self, flow: str, code: str, network: str) -> tuple[Grant, dict[str, Any]]:
        """What the right code gives, and the wish; raises as `answer` does."""
        claims = await self._flows.read(flow)
        challenge = Challenge(claims["username"], claims["session"], claims.get("asked_at", 0))
        grant = await self.answer(challenge, code, network)
        return grant, claims["wish"]

    async def answer(self, challenge: Challenge, code: str, network: str = "") -> Grant:
        """Sign in by the authenticator's code or a recovery code.

        Raises `WrongAnswer`, `ChallengeOver`, or `LockedOut` after too many wrong codes: the count is the account's,
        whichever challenge they answer, and moves for those alone who know the password.
        """
        user_id = (await self._accounts.profile(challenge.username)).id
        async with self._lockouts.attempt(CODE, user_id, network):
            try:
                if is_recovery_code(code):
                    return await self._recover(user_id, challenge, code, network)
                return await self._pool.answer(challenge, code)
            except (WrongCode, WrongRecoveryCode) as error:
                login = self._log.pseudonym(challenge.username)
                await self._log.write(SignInFailed(login=login, method=method_of(code), network=network or None))
                raise WrongAnswer from error
            except Refused as error:
                raise ChallengeOver from error

    async def _recover(self, user_id: str, challenge: Challenge, code: str, network: str) -> Grant:
        """Answer with what the recovery code opens, and void it: after, so that no failure costs a code.

        Cognito takes an authenticator's code once: after a sign-in with it the same half minute has no other.
        """
        secret = await self._recovery.open(user_id, code)
        try:
            grant = await self._pool.answer(challenge, totp(secret, time.time()))
        except WrongCode as error:
            raise TooSoon from error
        try:
            await self._recovery.use(user_id, code)
        except BaseException:
            await self._discard(grant)
            raise
        left = await self._recovery.left(user_id)
        await self._log.write(RecoveryCodeUsed(user_id=user_id, remaining=left, network=network or None))
        return grant

    async def _discard(self, grant: Grant) -> None:
        """Void what nobody was given."""
        try:
            await self._pool.revoke(str(grant.refresh_token))
        except ServiceError as error:
            record_failure("revocation", error)


def method_of(code: str) -> SignInMethod:
    """What proves the person, by the shape of the code."""
    return "recovery_code" if is_recovery_code(code) else "totp"
