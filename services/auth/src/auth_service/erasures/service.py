"""Erasures as people meet them: how one is asked for, and how far it is. The work itself: `eraser`.

Who asks must have signed in within the last ten minutes. A password in the request would prove less: an account with
an authenticator takes more than a password, one that was opened elsewhere has none, and it would be one more place to
guess at. Signing in has all of that, its limits and its lock-out, and leads here.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from auth_service.audits.service import SecurityLog
from auth_service.erasures.closing import AccountCloser
from auth_service.erasures.domain import NO_ANSWER, RECEIPT_SECONDS, erasure_id
from auth_service.erasures.errors import NoSuchErasure
from auth_service.erasures.models import Erasure
from auth_service.erasures.repository import ErasureRepository
from auth_service.erasures.schemas import ErasureRead, ErasureRequested
from auth_service.sessions.service import SessionService
from auth_service.user_pool.repository import UserPool
from messenger_contracts.events import auth as events
from messenger_contracts.identity import Principal
from servicekit.errors import TokenExpired, Unauthenticated
from servicekit.tokens import Tokens

FRESH_SECONDS = 600
RECEIPT = "erasure_receipt"
"""The purpose that the receipts' tokens are bound to."""


@dataclass(frozen=True)
class Receipts:
    """Signs receipts, and reads them."""

    sign: Tokens
    check: Tokens


class ErasureService:
    """Takes wishes to be forgotten, and tells what became of them."""

    def __init__(
        self,
        *,
        erasures: ErasureRepository,
        closer: AccountCloser,
        keepers: Sequence[str],
        sessions: SessionService,
        pool: UserPool,
        log: SecurityLog,
        receipts: Receipts,
    ) -> None:
        self._erasures = erasures
        self._closer = closer
        self._keepers = keepers
        self._sessions = sessions
        self._pool = pool
        self._log = log
        self._receipts = receipts

    async def request(self, principal: Principal, network: str | None) -> ErasureRequested:
        """Note the caller's wish, and shut the account at once; the worker does the rest.

        Raises `NotRecent` unless the caller has just signed in.
        """
        await self._sessions.require_recent(principal, FRESH_SECONDS)
        now = int(time.time())
        user_id, erasure = principal.user_id, erasure_id(principal.user_id)
        account = await self._pool.find(user_id)
        logins = [principal.username, account.email if account else ""]
        wish = Erasure(
            id=erasure,
            requested_at=now,
            due_at=now,
            user_id=user_id,
            username=principal.username,
            logins=[self._log.pseudonym(login) for login in logins if login],
            asked_at=now,
        )
        told = self._log.items(events.ErasureRequested(user_id=user_id, erasure=erasure, network=network))
        if not await self._erasures.add(wish, told):
            now = (await self._known(erasure)).requested_at
        claims = {"erasure": erasure, "user_id": user_id, "requested_at": now}
        receipt = await self._receipts.sign.make(claims, RECEIPT_SECONDS)
        await self._closer.shut(user_id)
        return ErasureRequested(receipt=receipt)

    async def state(self, receipt: str) -> ErasureRead:
        """What became of the erasure of a receipt; raises `NoSuchErasure`."""
        try:
            claims = await self._receipts.check.read(receipt)
        except (Unauthenticated, TokenExpired) as error:
            raise NoSuchErasure from error
        erasure = await self._known(claims["erasure"])
        return ErasureRead(
            state="running" if erasure.completed_at is None else "done",
            requested_at=_instant(erasure.requested_at),
            completed_at=None if erasure.completed_at is None else _instant(erasure.completed_at),
            services={name: self._state(erasure, name) for name in self._keepers},
        )

    async def _known(self, erasure: str) -> Erasure:
        found = await self._erasures.get(erasure)
        if found is None:
            raise NoSuchErasure
        return found

    @staticmethod
    def _state(erasure: Erasure, name: str) -> str:
        if erasure.completed_at is not None:
            return "done"
        match erasure.left.get(name):
            case None:
                return "asked"
            case 0:
                return "done"
            case n if n == NO_ANSWER:
                return "no_answer"
        return "erasing"


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
