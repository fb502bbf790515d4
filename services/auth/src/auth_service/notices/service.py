"""Writes to people about new devices, until the mail is on its way.

The row of the session is marked in the write that begins it, so no sign-in waits for a mail and none is forgotten. A
worker claims a marked row for a while, sends, and takes the mark off. A worker that dies between the two lets the mail
go out once more: twice is better than not at all.
"""

import asyncio
import time

from auth_service.mails.repository import MailRepository
from auth_service.notices.domain import MOST_TRIES, pause_after, write
from auth_service.notices.models import Notice
from auth_service.notices.repository import NoticeRepository
from auth_service.user_pool.repository import UserPool
from servicekit.errors import ServiceError
from servicekit.loops import wait_for
from servicekit.telemetry import meter, record_failure

SWEEP_SECONDS = 2.0
_sent = meter.create_counter("auth.notices", description="Mails about new devices, by what became of them")


class NoticeService:
    """Sends what is due."""

    def __init__(self, notices: NoticeRepository, mails: MailRepository, pool: UserPool) -> None:
        self._notices = notices
        self._mails = mails
        self._pool = pool

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until the event is set."""
        while not stopping.is_set():
            await self.step()
            await wait_for(stopping, SWEEP_SECONDS)

    async def step(self) -> None:
        """Try each notice that is due, once."""
        for notice in await self._notices.due(int(time.time())):
            await self._try(notice)

    async def _try(self, notice: Notice) -> None:
        now = int(time.time())
        if not await self._notices.claim(notice, now, now + pause_after(notice.tries + 1)):
            return
        try:
            account = await self._pool.find(notice.user_id)
            address = account.email if account else ""
            if address:
                await self._mails.send(write(notice, address))
        except ServiceError as error:
            record_failure("notices", error)
            if notice.tries + 1 < MOST_TRIES:
                return
            await self._settle(notice, "given up")
            return
        await self._settle(notice, "sent" if address else "nobody there")

    async def _settle(self, notice: Notice, outcome: str) -> None:
        _sent.add(1, {"outcome": outcome})
        await self._notices.settle(notice)
