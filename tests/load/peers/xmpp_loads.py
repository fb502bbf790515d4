"""What ejabberd is asked to do: chat messages between pairs of accounts, each with one client that is signed in.

ejabberd tells a sender nothing, so a message counts when its recipient's client has it. Both clients are of one load,
which therefore needs no receipts over the wire.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ..pace import beats
from ..wire import Lost
from .xmpp import Stream

_PATIENCE_SECONDS = 90


@dataclass
class Chats:
    """A load of pairs: the numbers of those who write and read, among the accounts."""

    port: int
    accounts: Sequence[str]
    password: str
    pairs: Sequence[tuple[int, int]]

    async def start(self) -> None:
        """Sign everybody in."""
        self._sent = [0] * len(self.pairs)
        self._came = [0] * len(self.pairs)
        present = sorted({person for pair in self.pairs for person in pair})
        self._streams = {person: await self._stream(person) for person in present}

    async def _stream(self, person: int) -> Stream:
        return await Stream.open(self.port, self.accounts[person], self.password, partial(self._arrive, person))

    def _arrive(self, person: int, number: str) -> None:
        """Note a message; raises `Lost` for one that does not follow the one before, or is for somebody else."""
        pair, _, count = number.partition("-")
        place = int(pair)
        self._came[place] += 1
        if person != self.pairs[place][1] or int(count) != self._came[place]:
            raise Lost(f"{number} came to {self.accounts[person]} as number {self._came[place]}")
        self._take(place, self._came[place])

    def _take(self, pair: int, count: int) -> None:
        """Do what the load does when a message has come."""

    def _write(self, person: int, pairs: Sequence[int]) -> None:
        messages = []
        for pair in pairs:
            self._sent[pair] += 1
            messages.append((self.accounts[self.pairs[pair][1]], f"{pair}-{self._sent[pair]}"))
        self._streams[person].send(messages)

    async def _until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not done():
                for stream in self._streams.values():
                    if stream.ended.done():
                        stream.ended.result()
                        raise Lost("the connection ended")
                await asyncio.sleep(0.005)


@dataclass
class Saturation(Chats):
    """Every pair always has so many messages under way. A round's order is its seconds."""

    window: int

    async def start(self) -> None:
        """Sign everybody in; nobody writes yet."""
        self._ends = self._last = 0.0
        self._next: defaultdict[int, list[int]] = defaultdict(list)
        await super().start()

    async def round(self, seconds: float) -> tuple[float, int]:
        """Send for some seconds; returns how long it took until the last came, and how many did."""
        before, started = sum(self._came), time.monotonic()
        self._ends = started + seconds
        for pair, (writer, _) in enumerate(self.pairs):
            self._write(writer, [pair] * self.window)
        await self._until(lambda: self._came == self._sent and not self._next)
        return self._last - started, sum(self._came) - before

    def _take(self, pair: int, count: int) -> None:
        self._last = time.monotonic()
        if self._last < self._ends:
            writer = self.pairs[pair][0]
            if writer not in self._next:
                asyncio.get_running_loop().call_soon(self._go_on, writer)
            self._next[writer].append(pair)

    def _go_on(self, writer: int) -> None:
        self._write(writer, self._next.pop(writer))


@dataclass
class Pace(Chats):
    """An even stream. A round's order is its seconds."""

    rate: float

    async def start(self) -> None:
        """Sign everybody in."""
        self._moments: dict[tuple[int, int], float] = {}
        self._delays: list[float] = []
        await super().start()

    async def round(self, seconds: float) -> list[float]:
        """Send so long; returns the seconds that each message took to its recipient."""
        self._delays, count = [], int(seconds * self.rate)
        async for number in beats(count, self.rate):
            pair = number % len(self.pairs)
            self._moments[pair, self._sent[pair] + 1] = time.monotonic()
            self._write(self.pairs[pair][0], [pair])
        await self._until(lambda: len(self._delays) == count)
        return self._delays

    def _take(self, pair: int, count: int) -> None:
        self._delays.append(time.monotonic() - self._moments.pop((pair, count)))
