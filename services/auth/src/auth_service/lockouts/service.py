"""Lets tries at secrets through, one at a time as they get wrong more often."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from auth_service.audits.service import SecurityLog
from auth_service.lockouts.domain import MAIL, Delays
from auth_service.lockouts.errors import LockedOut
from auth_service.lockouts.repository import TryRepository
from messenger_contracts.events.auth import AccountLocked
from servicekit.errors import Unauthenticated, ValidationFailed

_WRONG = (Unauthenticated, ValidationFailed)


class LockoutService:
    """Counts what was wrong."""

    def __init__(self, tries: TryRepository, log: SecurityLog) -> None:
        self._tries = tries
        self._log = log

    @asynccontextmanager
    async def attempt(self, delays: Delays, login: str, network: str = "") -> AsyncIterator[None]:
        """One try, made in the block; raises `LockedOut` before it.

        A refusal of what was tried counts, and so does a block that is cancelled: going away must not make guesses
        free. Any other error is not the guesser's, and is taken back. A block that ends well forgets the wrong tries.
        """
        made = await self._tries.begin(delays, login, network)
        try:
            yield
        except _WRONG:
            if made.cost:
                until = datetime.now(UTC) + timedelta(seconds=made.cost)
                locked = AccountLocked(login=self._log.pseudonym(login), until=until, network=network or None)
                await self._log.write(locked)
            raise
        except Exception:
            await self._tries.take_back(made)
            raise
        await self._tries.succeed(made)

    async def claim(self, delays: Delays, subject: str) -> None:
        """Count what is never forgiven, right or wrong; raises `LockedOut` when it comes too soon after the last."""
        await self._tries.begin(delays, subject, "")

    async def claim_mail(self, subject: str) -> None:
        """Count a mail that somebody asks for; raises `LockedOut` when it comes too soon after the last."""
        await self.claim(MAIL, subject)

    async def may_mail(self, subject: str) -> bool:
        """Count a mail, and say whether it should be sent: for those who must not be told that one was."""
        try:
            await self.claim_mail(subject)
        except LockedOut:
            return False
        return True

    async def forgive(self, delays: Delays, login: str) -> None:
        """Forget the wrong tries at a login, for who proved it another way."""
        await self._tries.forget(delays, login)
