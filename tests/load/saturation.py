"""As many durable sends as the suite takes: every conversation always has some under way, on its sender's socket.

Every acknowledgement is kept, and a run counts only if they are dense in every conversation and every member's socket
got every event.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import orjson

from .figures import Figure, Results
from .generators import Crew, crew
from .meters import Budget
from .stage import Conversation, Stage
from .wire import Gateway, Lost, Socket, connect

GENERATORS = 2
IN_FLIGHT = 600
WARM_UP_SECONDS = 2.0
SENDS = "durable sends"
TEXT = "The quick brown fox jumps over the lazy dog, and nobody minds."


class Ack(NamedTuple):
    """A send that is durable."""

    conversation: str
    seq: int
    msg_no: int


@dataclass(frozen=True)
class Seat:
    """One client: who it is, where it stands, and in which conversations it writes."""

    token: str
    positions: dict[str, int]
    writes_to: Sequence[str]


class Writer:
    """A connected client that keeps `window` sends under way in each of its conversations."""

    def __init__(self, seat: Seat, window: int) -> None:
        self.positions = dict(seat.positions)
        self.acks: list[Ack] = []
        self.last_ack = 0.0
        self.socket: Socket
        self._writes_to = list(seat.writes_to)
        self._window = window
        self._prefix = str(uuid4())[:24]
        self._number = 0
        self._waiting: dict[int, str] = {}
        self._next: list[str] = []
        self._until = 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._waiting and not self._next

    def begin(self, until: float) -> None:
        """Send until a moment of the monotonic clock."""
        self.acks, self._until = [], until
        self._next = self._writes_to * self._window
        self._write()

    def take(self, frame: dict[str, Any]) -> None:
        """Note an acknowledgement, or an event; raises `Lost` for one that does not follow the one before."""
        if "id" not in frame:
            self._advance(frame)
            return
        conversation, ok = self._waiting.pop(frame["id"]), frame["ok"]
        self.acks.append(Ack(conversation, ok["seq"], ok["msg_no"]))
        self.last_ack = time.monotonic()
        if self.last_ack < self._until:
            if not self._next:
                asyncio.get_running_loop().call_soon(self._write)
            self._next.append(conversation)

    def _advance(self, frame: dict[str, Any]) -> None:
        if frame["op"] == "event":
            event = frame["d"]
            if event["seq"] != self.positions[event["c"]] + 1:
                raise Lost(f"{event['c']}: {event['seq']} came after {self.positions[event['c']]}")
            self.positions[event["c"]] = event["seq"]

    def _write(self) -> None:
        frames = []
        for conversation in self._next:
            self._number += 1
            self._waiting[self._number] = conversation
            d = {"c": conversation, "client_id": f"{self._prefix}{self._number:012x}", "text": TEXT}
            frames.append(orjson.dumps({"id": self._number, "op": "send", "d": d}))
        self._next = []
        self.socket.send(frames)


@dataclass
class Saturation:
    """The load of one generator. A round's order is its seconds, or the positions that all must come to."""

    gateway: Gateway
    seats: Sequence[Seat]
    window: int

    async def start(self) -> None:
        """Connect everybody."""
        self.writers = [Writer(seat, self.window) for seat in self.seats]
        for seat, writer in zip(self.seats, self.writers, strict=True):
            writer.socket = await connect(self.gateway, seat.token, writer.take, seat.positions)

    async def round(self, order: float | dict[str, int]) -> tuple[float, list[Ack]]:
        """Send for some seconds; returns how long it took until the last was acknowledged, and all that were."""
        started = time.monotonic()
        if isinstance(order, dict):
            await self._until(lambda: all(_has(writer, order) for writer in self.writers))
            return 0.0, []
        for writer in self.writers:
            writer.begin(started + order)
        await self._until(lambda: all(writer.idle for writer in self.writers))
        ended = max((writer.last_ack for writer in self.writers), default=started)
        return ended - started, [ack for writer in self.writers for ack in writer.acks]

    async def _until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(90):
            while not done():
                for writer in self.writers:
                    if writer.socket.ended.done():
                        raise Lost(writer.socket.ended.result())
                await asyncio.sleep(0.005)


def _has(writer: Writer, heads: dict[str, int]) -> bool:
    return all(seq >= heads[c] for c, seq in writer.positions.items())


async def measure(stage: Stage, results: Results, name: str, conversations: int, seconds: float, rounds: int) -> None:
    """Measure one width, into `results`; raises `Lost` when an acknowledgement is missing, doubled or out of place."""
    heads, chosen = await stage.heads(), stage.conversations[:conversations]
    loads = [Saturation(stage.gateway, seats, IN_FLIGHT // conversations) for seats in _seats(stage, chosen, heads)]
    acks: list[Ack] = []
    rates = []
    with crew(loads) as generators:
        budget = Budget(stage.processes | generators.processes)
        acks += _one(generators, WARM_UP_SECONDS)[1]
        for _ in range(rounds):
            budget.begin()
            elapsed, more = _one(generators, seconds)
            budget.end(len(more))
            rates.append(len(more) / elapsed)
            acks += more
        generators.round(await stage.heads())
    check(acks, heads)
    results.add(name, Figure(SENDS, "/s", rates))
    results.budgets[name] = budget.microseconds


def _one(generators: Crew, seconds: float) -> tuple[float, list[Ack]]:
    answers = generators.round(seconds)
    return max(elapsed for elapsed, _ in answers), [ack for _, acks in answers for ack in acks]


def _seats(stage: Stage, chosen: Sequence[Conversation], heads: dict[str, int]) -> list[list[Seat]]:
    """Every person who is in one of the conversations, dealt to the generators; first and second write in turn."""
    writers: defaultdict[int, list[str]] = defaultdict(list)
    for number, conversation in enumerate(chosen):
        writers[conversation.people[number % 2]].append(conversation.id)
    present = sorted({person for conversation in chosen for person in conversation.people})
    seats = [Seat(stage.people[p].access_token, stage.of(p, heads), tuple(writers[p])) for p in present]
    return [seats[number::GENERATORS] for number in range(GENERATORS)]


def check(acks: Iterable[Ack], heads: dict[str, int]) -> None:
    """Raise `Lost` unless the acknowledgements of each conversation are dense behind where it stood, each once."""
    places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for ack in acks:
        places[ack.conversation].append((ack.seq, ack.msg_no))
    for conversation, found in places.items():
        found.sort()
        first_seq, first_msg_no = heads[conversation] + 1, found[0][1]
        expected = [(first_seq + n, first_msg_no + n) for n in range(len(found))]
        if found != expected:
            raise Lost(f"the acknowledgements of {conversation} are not dense")
