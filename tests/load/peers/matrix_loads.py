"""What Synapse is asked to do: messages in rooms of two, by Matrix's client-server API over connections that are kept.

Synapse answers a `PUT` when the event is committed, so an answer counts. Deliveries are seen by `/sync` as a long poll,
in the paced load alone: at full speed nobody listens, which is in Synapse's favour.
"""

import asyncio
import itertools
import time
from collections.abc import Coroutine, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple, Never
from urllib.parse import quote, urlencode
from uuid import uuid4

import orjson

from ..pace import beats
from ..saturation import TEXT
from ..wire import Gateway, Http, Lost

API = "/_matrix/client/v3"
_BODY = orjson.dumps({"msgtype": "m.text", "body": TEXT})
_NOTHING: dict[str, list[str]] = {"types": []}
_FILTER = {
    "room": {
        "timeline": {"types": ["m.room.message"], "limit": 100},
        **dict.fromkeys(("state", "ephemeral", "account_data"), _NOTHING),
    },
    "presence": _NOTHING,
    "account_data": _NOTHING,
}
_POLL_MILLISECONDS = 20_000
_PATIENCE_SECONDS = 30


class Line(NamedTuple):
    """A room, and the access tokens of the one who writes in it and of the one who reads."""

    room: str
    writer: str
    reader: str


async def send(http: Http, room: str) -> str:
    """Send a message; returns its event id."""
    answer = await http.ask("PUT", f"{API}/rooms/{quote(room)}/send/m.room.message/{uuid4()}", _BODY)
    return str(answer["event_id"])


@dataclass
class Saturation:
    """Connections that send one message after the other, dealt to the lines. A round's order is its seconds."""

    server: Gateway
    lines: Sequence[Line]
    connections: int

    async def start(self) -> None:
        """Connect."""
        count = max(self.connections, len(self.lines))
        dealt = list(itertools.islice(itertools.cycle(self.lines), count))
        opened = [(await Http.open(self.server, line.writer), line.room) for line in dealt]
        self._hands = [opened[first :: self.connections] for first in range(self.connections)]

    async def round(self, seconds: float) -> tuple[float, set[str]]:
        """Send for some seconds; returns how long it took, and the ids of what is durable."""
        events: set[str] = set()
        started = time.monotonic()

        async def work(hand: Sequence[tuple[Http, str]]) -> None:
            for http, room in itertools.cycle(hand):
                if time.monotonic() > started + seconds:
                    return
                events.add(await send(http, room))

        async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
            await asyncio.gather(*map(work, self._hands))
        return time.monotonic() - started, events


@dataclass
class Pace:
    """An even stream; each reader polls. A round's order is its seconds."""

    server: Gateway
    lines: Sequence[Line]
    rate: float

    async def start(self) -> None:
        """Connect writers, and let readers begin to poll from here on."""
        self._came: dict[str, float] = {}
        self._writers = [(await Http.open(self.server, line.writer), asyncio.Lock()) for line in self.lines]
        self._polls = [asyncio.create_task(await self._reader(token)) for token in {line.reader for line in self.lines}]

    async def round(self, seconds: float) -> list[float]:
        """Send so long; returns the seconds that each message took to its reader."""
        sent: dict[str, float] = {}

        async def one(number: int, began: float) -> None:
            http, lock = self._writers[number % len(self.lines)]
            async with lock:
                event = await send(http, self.lines[number % len(self.lines)].room)
            sent[event] = began

        async with asyncio.timeout(seconds + _PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            async for number in beats(int(seconds * self.rate), self.rate):
                group.create_task(one(number, time.monotonic()))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not sent.keys() <= self._came.keys():
                for poll in self._polls:
                    if poll.done():
                        poll.result()
                await asyncio.sleep(0.005)
        return [self._came[event] - began for event, began in sent.items()]

    async def _reader(self, token: str) -> Coroutine[None, None, Never]:
        rooms = {line.room for line in self.lines if line.reader == token}
        http = await Http.open(self.server, token)
        return self._poll(http, rooms, (await http.ask("GET", _sync(None)))["next_batch"])

    async def _poll(self, http: Http, rooms: Set[str], since: str) -> Never:
        while True:
            answer = await http.ask("GET", _sync(since))
            now, since = time.monotonic(), answer["next_batch"]
            self._came |= dict.fromkeys(arrived(answer, rooms), now)


def _sync(since: str | None) -> str:
    query = {"filter": orjson.dumps(_FILTER).decode(), "set_presence": "offline"}
    if since is not None:
        query |= {"since": since, "timeout": str(_POLL_MILLISECONDS)}
    return f"{API}/sync?{urlencode(query)}"


def arrived(answer: dict[str, Any], rooms: Set[str]) -> list[str]:
    """Return the ids of these rooms' events in an answer to `/sync`; raises `Lost` if it left some out."""
    joined = answer.get("rooms", {}).get("join", {})
    timelines = [room["timeline"] for name, room in joined.items() if name in rooms]
    if any(timeline["limited"] for timeline in timelines):
        raise Lost("a poll left events out")
    return [event["event_id"] for timeline in timelines for event in timeline["events"]]
