"""The saga of an erasure, in steps that may each be taken again: who dies in the middle leaves nothing half done.

1. Shut: the account is disabled, nobody can look it up, its sessions end and its sockets close.
2. Every service hears the event of the request, erases its part, and is asked what is left. An answer is worth more
   than an acknowledgement: it says how things are, cannot get lost, and is true of what came in late, too. A service
   that still has something after a minute is told again.
3. When nothing is left anywhere, and what was under way at the beginning must have ended: our own rows, the account in
   Cognito, and then the word that it is done.

The row says when the erasure is due. Who takes it moves that ahead, and so has a minute to itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.erasures.closing import AccountCloser
from auth_service.erasures.domain import (
    CLAIM_SECONDS,
    RECEIPT_SECONDS,
    is_forgotten,
    is_settled,
    pause,
    totals,
)
from auth_service.erasures.models import Erasure
from auth_service.erasures.repository import ErasureRepository
from auth_service.keepers.service import Keepers
from auth_service.sessions.ends import SessionEnds
from auth_service.user_pool.repository import UserPool
from messenger_contracts.events.auth import AccountErased, ErasureRequested
from servicekit.telemetry import meter, record_failure

_erased = meter.create_counter("erasures.done", description="People who were erased")
_waiting = meter.create_counter("erasures.waiting", description="Looks at an erasure that found something left")


class Eraser:
    """Takes the steps of erasures."""

    def __init__(
        self,
        *,
        erasures: ErasureRepository,
        keepers: Keepers,
        closer: AccountCloser,
        accounts: AccountService,
        ends: SessionEnds,
        pool: UserPool,
        log: SecurityLog,
        forget: Sequence[Callable[[str], Awaitable[None]]],
        settle_seconds: int,
    ) -> None:
        self._erasures = erasures
        self._keepers = keepers
        self._closer = closer
        self._accounts = accounts
        self._ends = ends
        self._pool = pool
        self._log = log
        self._forget = forget
        self._settle = settle_seconds

    async def step(self) -> bool:
        """Look at some of the erasures that are due; returns whether there were any."""
        now = int(time.time())
        due = await self._erasures.due(now)
        await asyncio.gather(*(self._take(erasure_id, now) for erasure_id in due))
        return bool(due)

    async def _take(self, erasure_id: str, now: int) -> None:
        erasure = await self._erasures.get(erasure_id)
        if erasure is None or erasure.due_at > now:
            return  # the index is behind
        if await self._erasures.claim(erasure, now + CLAIM_SECONDS):
            await self._attempt(erasure)

    async def _attempt(self, erasure: Erasure) -> None:
        left = erasure.left
        try:
            await self._closer.shut(erasure.user_id)
            left = totals(await self._keepers.remains(erasure.user_id))
            if is_settled(erasure, left, int(time.time()), self._settle):
                await self._finish(erasure)
                return
            _waiting.add(1)
            if any(left.values()) and is_forgotten(erasure, int(time.time())):
                await self._ask_again(erasure)
        except Exception as error:
            record_failure("erasure", error, erasure=erasure.id)
        await self._erasures.postpone(erasure, due_at=int(time.time()) + pause(erasure.tries), left=left)

    async def _ask_again(self, erasure: Erasure) -> None:
        told = self._log.items(ErasureRequested(user_id=erasure.user_id, erasure=erasure.id))
        await self._erasures.ask(erasure, int(time.time()), told)

    async def _finish(self, erasure: Erasure) -> None:
        """Erase what is ours. The account goes last, and then its name is free."""
        await self._ends.erase(erasure.user_id)
        for forget in self._forget:
            await forget(erasure.user_id)
        await self._log.erase(erasure.user_id, erasure.logins)
        await self._pool.delete(erasure.user_id)
        await self._accounts.release(erasure.username)
        now = int(time.time())
        told = self._log.items(AccountErased(user_id=erasure.user_id, erasure=erasure.id))
        await self._erasures.finish(erasure, now, now + RECEIPT_SECONDS, told)
        _erased.add(1)
