"""Telling the gateways, until they know.

The row of an ended session is marked in the write that ends it, and unmarked once its end was published. The request
that ends it publishes at once; when Valkey is away then, or the process dies, the worker finds the mark and publishes.
"""

import asyncio
import time
from collections.abc import Sequence

from auth_service.endings.repository import EndingRepository
from messenger_contracts.realtime import SessionEnded
from servicekit.loops import wait_for
from servicekit.telemetry import record_failure
from servicekit.valkey import UNAVAILABLE

SWEEP_SECONDS = 2.0


class Announcer:
    """Announces ended sessions."""

    def __init__(self, endings: EndingRepository) -> None:
        self._endings = endings

    async def announce(self, ended: Sequence[SessionEnded]) -> None:
        """Publish ends whose rows are marked; with Valkey away they stay marked."""
        if not ended:
            return
        try:
            await self._endings.publish(ended, int(time.time()))
        except UNAVAILABLE as error:
            record_failure("announcer", error)
            return
        await self._endings.unmark(ended)

    async def run(self, stopping: asyncio.Event) -> None:
        """Announce what is still marked, until the event is set."""
        while not stopping.is_set():
            await self.announce(await self._endings.unannounced())
            await wait_for(stopping, SWEEP_SECONDS)
