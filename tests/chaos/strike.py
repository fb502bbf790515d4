"""Does to a running suite what a plan says, two faults at a time, and measures how long each took to be over."""

import asyncio
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from localcloud.processes import Identity
from messengerctl.errors import CommandError
from messengerctl.suite import Suite, until

from .plan import Fault, Kind

AT_ONCE = 2
HEAL_SECONDS = 120.0
_PAUSE_SECONDS = 0.2, 1.5
_POLL_SECONDS = 0.1
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = 'chat' AND backend_type = 'client backend'"


@dataclass(frozen=True)
class Outage:
    """A fault that is over: the seconds from its end, or from the blow, until sends were acknowledged again."""

    fault: Fault
    recovery: float


@dataclass
class Striker:
    """Strikes one suite. `acknowledged` tells how many sends were acknowledged until now, by which health is judged."""

    suite: Suite
    acknowledged: Callable[[], int]
    seed: int

    def __post_init__(self) -> None:
        """Begin with nothing broken."""
        self.outages: list[Outage] = []
        self._lanes = asyncio.Semaphore(AT_ONCE)
        self._held: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lot = random.Random(self.seed)

    async def run(self, faults: Sequence[Fault], over: Callable[[Outage], None], sends: int, seconds: float) -> None:
        """Strike in the plan's order, and tell `over` of each fault that is over.

        The faults are spread over so many sends, or over so many seconds if the sends take longer than that.
        """
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, fault in enumerate(faults):
                await self._lanes.acquire()
                await self._due(number / len(faults) * sends, began + number / len(faults) * seconds)
                if time.monotonic() > began + seconds:
                    return
                group.create_task(self._lane(fault, over))
                await asyncio.sleep(self._lot.uniform(*_PAUSE_SECONDS))

    async def _due(self, sends: float, moment: float) -> None:
        with suppress(CommandError):  # the moment has come
            await until(lambda: self.acknowledged() >= sends, "too few sends", moment - time.monotonic())

    async def _lane(self, fault: Fault, over: Callable[[Outage], None]) -> None:
        try:
            async with self._held[fault.victim]:
                outage = Outage(fault, await self._strike(fault))
            self.outages.append(outage)
            over(outage)
        finally:
            self._lanes.release()

    async def _strike(self, fault: Fault) -> float:
        """Break, wait until it has healed, and return the seconds that this took."""
        victim = await self._running(fault.victim)
        if fault.kind is Kind.HANG:
            await _hang(victim, fault.seconds)
        began = time.monotonic()
        if fault.kind is Kind.CRASH:
            await self._crash_backend()
        elif fault.kind is not Kind.HANG:
            os.kill(victim.pid, _signal(fault))
            await self.suite.healed(fault.victim, victim, HEAL_SECONDS)
        before = self.acknowledged()
        await until(lambda: self.acknowledged() > before, f"no send is acknowledged after {fault}", HEAL_SECONDS)
        return time.monotonic() - began

    async def _running(self, victim: str) -> Identity:
        await until(lambda: self.suite.process(victim).alive, f"{victim} is not running", HEAL_SECONDS)
        return self.suite.process(victim)

    async def _crash_backend(self) -> None:
        """Kill the process of one of chat's connections; PostgreSQL may be recovering from something else at first."""
        deadline = time.monotonic() + HEAL_SECONDS
        while not (pids := await _backends(self.suite)):
            if time.monotonic() > deadline:
                raise CommandError("chat has no connection to its database")
            await asyncio.sleep(_POLL_SECONDS)
        os.kill(self._lot.choice(pids), signal.SIGKILL)


async def _hang(victim: Identity, seconds: float) -> None:
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(victim.pid, signal.SIGCONT)


async def _backends(suite: Suite) -> list[int]:
    """The processes of PostgreSQL that serve chat; none while it cannot be asked."""
    url = suite.state.addresses["DATABASE_URL"].replace("postgresql+asyncpg://", "postgresql://")
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return []
    try:
        return [row["pid"] for row in await connection.fetch(_BACKENDS)]
    finally:
        await connection.close()


def _signal(fault: Fault) -> signal.Signals:
    if fault.kind is Kind.KILL:
        return signal.SIGKILL
    return signal.SIGINT if fault.victim == "postgres" else signal.SIGTERM  # its fast shutdown
