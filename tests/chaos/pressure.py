"""How hard to press: as hard as the consumers can follow, for what they owe must be delivered before a run can end.

The emulator's queues get slow in proportion to what is in them, so that a long queue would be a test of the emulator.
"""

import asyncio
from contextlib import suppress

import asyncpg
from botocore.exceptions import BotoCoreError, ClientError

from messengerctl.audit.inbox import queue_depths
from messengerctl.suite import Suite

PENDING = 2000
TRICKLE = 50.0
_LOOK_SECONDS = 1.0
_UNPUBLISHED = "SELECT count(*) FROM log, relay_positions r WHERE (log.xid, log.position) > (r.xid, r.position)"

_BROKEN = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, BotoCoreError, ClientError)
"""What one gets who asks what is broken just now."""


class Pace:
    """Deals out turns, so many a second; after a standstill it does not hurry to make up for it."""

    def __init__(self, per_second: float) -> None:
        self.per_second = self._wanted = per_second
        self.pending = 0
        self._next = 0.0

    async def turn(self) -> None:
        """Return when it is one's turn."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + 1 / self.per_second, now)
        if self._next > now:
            await asyncio.sleep(self._next - now)

    async def follow(self, suite: Suite) -> None:
        """Let up, to a trickle, whenever too much is on its way to the consumers. Runs until it is cancelled."""
        while True:
            with suppress(*_BROKEN):
                self.pending = await _count_pending(suite)
            self.per_second = TRICKLE if self.pending > PENDING else self._wanted
            await asyncio.sleep(_LOOK_SECONDS)


async def _count_pending(suite: Suite) -> int:
    depths = await asyncio.to_thread(queue_depths, suite)
    connection = await asyncpg.connect(suite.database_url("chat"), timeout=5)
    try:
        unpublished = await connection.fetchval(_UNPUBLISHED, timeout=5)
    finally:
        await connection.close(timeout=5)
    return int(unpublished or 0) + sum(depths.values())
