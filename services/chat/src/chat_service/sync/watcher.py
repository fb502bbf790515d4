"""Waiting for something new, for all who wait in this process together: one query at a time looks for all of them.

Nobody holds a connection while waiting, and while nobody waits, nothing is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from chat_service.sync.domain import oldest_running
from chat_service.sync.repository import SyncRepository
from servicekit.loops import until, wait_for
from servicekit.postgres import Database
from servicekit.telemetry import record_failure

PAUSE_SECONDS = 0.25
LEAST_REST = 4
"""How many times as long as a look takes, the pause after it lasts at least."""

Gone = Callable[[], Awaitable[None]]
"""Returns when the client has gone."""


@dataclass(eq=False, slots=True)
class _Waiter:
    reader: str
    snapshot: str
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    news: bool = False
    looked_for: bool = False


class Watcher:
    """Wakes those who wait when there is something new for them."""

    def __init__(self, database: Database, repository: SyncRepository) -> None:
        self._database = database
        self._repository = repository
        self._waiters: set[_Waiter] = set()
        self._draining = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._floor = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiters)

    async def wait(self, reader: str, snapshot: str, seconds: float, gone: Gone) -> bool:
        """Wait until there is something that `snapshot` does not show; false when that did not happen in time.

        The wait ends at once when the client has gone, or the process drains.
        """
        if self._draining.is_set():
            return False
        waiter = _Waiter(reader, snapshot)
        self._waiters.add(waiter)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                await until(waiter.woken, gone())
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
        return waiter.news

    async def drain(self) -> None:
        """Let nobody wait any more."""
        self._draining.set()
        for waiter in self._waiters:
            waiter.woken.set()
        if self._looking is not None:
            await self._looking

    async def _look(self) -> None:
        while self._waiters and not self._draining.is_set():
            started = asyncio.get_running_loop().time()
            waiters = list(self._waiters)
            try:
                told = await self._ask(waiters)
            except Exception as error:
                record_failure("sync", error)
                told = set(range(len(waiters)))  # they ask for themselves, and hear what is wrong
            for place in told:
                waiters[place].news = True
                waiters[place].woken.set()
            took = asyncio.get_running_loop().time() - started
            await wait_for(self._draining, max(PAUSE_SECONDS, took * LEAST_REST))

    async def _ask(self, waiters: list[_Waiter]) -> set[int]:
        """Who has something new. The last look's floor is good for those whom it looked for, not for newcomers."""
        floors = [self._floor if waiter.looked_for else oldest_running(waiter.snapshot) for waiter in waiters]
        async with self._database.read() as session:
            waiting = [(waiter.reader, waiter.snapshot) for waiter in waiters]
            self._floor, told = await self._repository.awaited(session, waiting, min(floors))
        for waiter in waiters:
            waiter.looked_for = True
        return told
