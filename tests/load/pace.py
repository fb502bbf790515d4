"""An even stream of sends, and how long each takes: to its acknowledgement, and to the other's socket.

The clock does not wait for answers, so a stall is felt by every send that falls into it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from .figures import Figure, Results, percentile
from .generators import crew
from .saturation import TEXT
from .stage import Stage
from .wire import Gateway, Lost, Socket, connect

RATE = 500
CONVERSATIONS = 10
WARM_UP_SECONDS = 2.0
DELIVERY = "send to the other's socket"


@dataclass(frozen=True)
class Line:
    """A conversation: its writer's and its reader's number among the seats."""

    conversation: str
    writer: int
    reader: int


@dataclass(frozen=True)
class Delays:
    """Seconds from a send to its acknowledgement, and to the other's socket."""

    acks: list[float]
    deliveries: list[float]


@dataclass
class Pace:
    """The load. A round's order is its seconds."""

    gateway: Gateway
    seats: Sequence[tuple[str, dict[str, int]]]
    lines: Sequence[Line]
    rate: float

    async def start(self) -> None:
        """Connect everybody."""
        self._prefix, self._number = str(uuid4())[:24], 0
        self._readers = {line.conversation: line.reader for line in self.lines}
        self._sent: dict[int, float] = {}
        self._delays = Delays([], [])
        self._sockets = [await self._seat(*seat) for seat in enumerate(self.seats)]

    async def _seat(self, number: int, seat: tuple[str, dict[str, int]]) -> Socket:
        return await connect(self.gateway, seat[0], lambda frame: self._take(number, frame), seat[1])

    async def round(self, seconds: float) -> Delays:
        """Send so long, wait for what is under way, and tell the delays."""
        self._delays, count = Delays([], []), int(seconds * self.rate)
        async for number in beats(count, self.rate):
            self._send(self.lines[number % len(self.lines)])
        async with asyncio.timeout(30):
            while min(len(self._delays.acks), len(self._delays.deliveries)) < count:
                if ended := [socket.ended.result() for socket in self._sockets if socket.ended.done()]:
                    raise Lost(ended[0])
                await asyncio.sleep(0.005)
        return self._delays

    def _send(self, line: Line) -> None:
        self._number += 1
        d = {"c": line.conversation, "client_id": f"{self._prefix}{self._number:012x}", "text": TEXT}
        self._sent[self._number] = time.monotonic()
        self._sockets[line.writer].send([orjson.dumps({"id": self._number, "op": "send", "d": d})])

    def _take(self, seat: int, frame: dict[str, Any]) -> None:
        now = time.monotonic()
        if "id" in frame:
            self._delays.acks.append(now - self._sent[frame["id"]])
        elif frame["op"] == "event" and self._readers[frame["d"]["c"]] == seat:
            number = int(frame["d"]["data"]["client_id"][24:], 16)
            self._delays.deliveries.append(now - self._sent[number])


async def measure(stage: Stage, results: Results, seconds: float, rounds: int, rate: int = RATE) -> None:
    """Measure, into `results`."""
    heads, chosen = await stage.heads(), stage.conversations[:CONVERSATIONS]
    present = sorted({person for conversation in chosen for person in conversation.people})
    seats = [(stage.people[p].access_token, stage.of(p, heads)) for p in present]
    lines = [Line(one.id, present.index(one.people[0]), present.index(one.people[1])) for one in chosen]
    with crew([Pace(stage.gateway, seats, lines, rate)]) as generator:
        generator.round(WARM_UP_SECONDS)
        told: list[Delays] = [generator.round(seconds)[0] for _ in range(rounds)]
    for name, kind in (("send to ack", "acks"), (DELIVERY, "deliveries")):
        for part in (0.5, 0.99):
            figures = [percentile(getattr(delays, kind), part) * 1000 for delays in told]
            results.add(f"paced, {rate}/s", Figure(f"{name}, p{part * 100:.0f}", "ms", figures))


async def beats(count: int, rate: float) -> AsyncIterator[int]:
    """Count from zero, so many a second; a beat that comes late does not delay those after it."""
    started = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        yield number
