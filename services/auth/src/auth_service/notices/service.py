"""Writes to people about what is new in the security of their accounts, until the mail is on its way.

A row is marked in the write that makes it, of a session or in the security log, so no request waits for a mail and none
is forgotten. A worker claims a marked row for a while, sends, and takes the mark off. A worker that dies between the
two lets the mail go out once more: twice is better than not at all.
"""

import asyncio
import time
from collections.abc import Sequence

from auth_service.mails.repository import MailRepository
from auth_service.notices.domain import MOST_TRIES, pause_after, write
from auth_service.notices.models import Notice
from auth_service.notices.repository import NoticeRepository
from auth_service.user_pool.repository import UserPool
from servicekit.errors import ServiceError
from servicekit.loops import wait_for
from servicekit.telemetry import meter, record_failure

SWEEP_SECONDS = 2.0
_sent = meter.create_counter("auth.notices", description="Mails about the security of accounts, by what became of them")


class NoticeService:
    """Sends what is due."""

    def __init__(self, sources: Sequence[NoticeRepository], mails: MailRepository, pool: UserPool) -> None:
        self._sources = sources
        self._mails = mails
        self._pool = pool

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until the event is set."""
        while not stopping.is_set():
            await self.step()
            await wait_for(stopping, SWEEP_SECONDS)

    async def step(self) -> None:
        """Try each notice that is due, once."""
        for notices in self._sources:
            for notice in await notices.due(int(time.time())):
                await self._try(notices, notice)

    async def _try(self, notices: NoticeRepository, notice: Notice) -> None:
        now = int(time.time())
        if not await notices.claim(notice, now, now + pause_after(notice.tries + 1)):
            return
        try:
            outcome = await self._deliver(notice)
        except ServiceError as error:
            record_failure("notices", error)
            if notice.tries + 1 < MOST_TRIES:
                return
            outcome = "given up"
        _sent.add(1, {"outcome": outcome})
        await notices.settle(notice)

    async def _deliver(self, notice: Notice) -> str:
        """Send the mail, to no address but one that its account was verified by; gives what became of it."""
        account = await self._pool.find(notice.user_id)
        if account is None or not account.verified or not account.email:
            return "nobody there"
        await self._mails.send(write(notice, account))
        return "sent"
