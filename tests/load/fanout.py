"""One message to many sockets: how long until the last has it, in a small group and in the largest there may be.

The clocks of the generators and of the writer are one clock: monotonic time is the machine's.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from messengerctl.accounts import client_of

from .figures import Figure, Results, percentile
from .generators import crew
from .pace import beats
from .saturation import TEXT
from .stage import Stage
from .wire import Gateway, Lost, Socket, connect

GENERATORS = 2
SOCKETS = 1000
CROWD = 10_000
MESSAGES = 60
RATE = 5.0
WARM_UP = 5
_OPEN_AT_ONCE = 16
_JOIN = """
    WITH crowd AS (
        INSERT INTO members (conversation_id, user_id, username, role, joined_at)
        SELECT $1, 'crowd-' || n, 'crowd' || n, 'member', now() FROM generate_series(1, $2::int) AS n RETURNING 1
    )
    UPDATE conversations SET member_count = member_count + (SELECT count(*) FROM crowd) WHERE id = $1
"""


@dataclass
class Audience:
    """The load of one generator: sockets that listen. A round's order is how many messages each of them waits for."""

    gateway: Gateway
    seats: Sequence[tuple[str, dict[str, int]]]
    conversation: str

    async def start(self) -> None:
        """Connect."""
        self._arrivals: dict[int, list[float]] = {}
        self._left = 0
        gate = asyncio.Semaphore(_OPEN_AT_ONCE)

        async def one(token: str, positions: dict[str, int]) -> Socket:
            async with gate:
                return await connect(self.gateway, token, self._take, positions)

        self._sockets = await asyncio.gather(*(one(*seat) for seat in self.seats))

    async def round(self, messages: int) -> dict[int, float]:
        """Return when the last socket had each message, by its `seq`. Raises `Lost` when a socket has ended."""
        self._arrivals, expected = {}, messages * len(self._sockets)
        async with asyncio.timeout(60):
            while sum(map(len, self._arrivals.values())) < expected:
                if ended := [socket.ended.result() for socket in self._sockets if socket.ended.done()]:
                    raise Lost(ended[0])
                await asyncio.sleep(0.01)
        return {seq: max(times) for seq, times in self._arrivals.items()}

    def _take(self, frame: dict[str, Any]) -> None:
        if frame.get("op") == "event" and frame["d"]["c"] == self.conversation:
            self._arrivals.setdefault(frame["d"]["seq"], []).append(time.monotonic())


class _Writer:
    """Who sends, one message at a time."""

    def __init__(self, conversation: str) -> None:
        self._conversation = conversation
        self._answers: list[asyncio.Future[int]] = []

    async def start(self, gateway: Gateway, token: str, positions: dict[str, int]) -> None:
        """Connect."""
        self._socket = await connect(gateway, token, self._take, positions)

    async def write(self, count: int) -> dict[int, float]:
        """Send so many at an even pace; returns when each was sent, by the `seq` that it got."""
        loop = asyncio.get_running_loop()
        self._answers = [loop.create_future() for _ in range(count)]
        sent = []
        async for number in beats(count, RATE):
            d = {"c": self._conversation, "client_id": str(uuid4()), "text": TEXT}
            sent.append(time.monotonic())
            self._socket.send([orjson.dumps({"id": number + 1, "op": "send", "d": d})])
        async with asyncio.timeout(30):
            return dict(zip([await answer for answer in self._answers], sent, strict=True))

    def _take(self, frame: dict[str, Any]) -> None:
        if "id" in frame:
            self._answers[frame["id"] - 1].set_result(frame["ok"]["seq"])

    def close(self) -> None:
        """Leave."""
        self._socket.close()


async def measure(stage: Stage, results: Results, sockets: int, crowd: int, rounds: int) -> None:
    """Measure, into `results`, both groups with the same number of sockets."""
    for strangers in (0, crowd - len(stage.people)):
        conversation = await _group(stage, strangers)
        members = len(stage.people) + strangers
        await _one(stage, results, conversation, sockets, rounds, f"one to {sockets:,} sockets, {members:,} members")


async def _one(stage: Stage, results: Results, conversation: str, sockets: int, rounds: int, name: str) -> None:
    heads = await stage.heads()
    here = [{**stage.of(n, heads), conversation: heads[conversation]} for n in range(len(stage.people))]
    listeners = range(1, len(stage.people))
    seats = [(stage.people[n].access_token, here[n]) for n in listeners]
    shared = [seats[number % len(seats)] for number in range(sockets)]
    audiences = [Audience(stage.gateway, shared[number::GENERATORS], conversation) for number in range(GENERATORS)]
    delays: list[list[float]] = []
    with crew(audiences) as generators:
        writer = _Writer(conversation)
        await writer.start(stage.gateway, stage.people[0].access_token, here[0])
        for number in range(rounds + 1):
            count = MESSAGES if number else WARM_UP
            generators.begin(count)
            sent = await writer.write(count)
            arrivals = await asyncio.to_thread(generators.finish)
            if number:
                delays.append([max(each[seq] for each in arrivals) - at for seq, at in sent.items()])
        writer.close()
    for part in (0.5, 0.99):
        figures = [percentile(each, part) * 1000 for each in delays]
        results.add(name, Figure(f"send to the last socket, p{part * 100:.0f}", "ms", figures))


async def _group(stage: Stage, strangers: int) -> str:
    """A group of all people, and of so many who never come."""
    others = [person.user_id for person in stage.people[1:]]
    async with client_of(stage.people[0]) as client:
        group = await client.create_group("fan-out", others)
    if strangers:
        await stage.query(_JOIN, group.id, strangers)
    return group.id
