"""The hub: the people whose sockets this gateway holds, and the one subscription that feeds them.

What Valkey loses is found again: events by comparing positions (`streams`); who blocks whom, and who came into which
conversation, by asking chat every few seconds what changed since the last time. While Valkey is away, that is how
everything is found, and asked more often.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

import orjson

from gateway_service.credentials.service import CredentialService
from gateway_service.sockets.domain import Socket
from gateway_service.topics.domain import push_frame
from gateway_service.topics.models import Resumed
from gateway_service.topics.repository import ChatRepository
from gateway_service.topics.streams import CHUNK, Streams
from messenger_contracts.realtime import CloseCode, SessionEnded, sessions_channel, user_channel
from servicekit.batching import Batcher
from servicekit.fanout import Published, read_publication
from servicekit.loops import wait_for
from servicekit.telemetry import meter, record_failure
from servicekit.valkey import UNAVAILABLE, Subscriber

RESUMES = 50
"""Returning clients that are asked about in one request."""
MOST_TOLD = 10_000
"""Events of a conversation that somebody comes into that are sent unasked; the client sees that there are others."""
DEAF_SECONDS = 1.0
"""How often chat is asked while Valkey is away."""
_open = meter.create_up_down_counter("gateway.sockets", description="Open sockets")


class Hub:
    """Sockets by person, and what makes them follow conversations."""

    def __init__(
        self,
        client: Any,
        namespace: str,
        chat: ChatRepository,
        credentials: CredentialService,
        reconcile_seconds: float,
    ) -> None:
        self._namespace = namespace
        self._chat = chat
        self._credentials = credentials
        self._reconcile_seconds = reconcile_seconds
        self._people: dict[str, set[Socket]] = defaultdict(set)
        self._relations_version = self._joins_version = 0
        self._related: set[str] = set()
        self._resumes: Batcher[dict[str, Any], Resumed] = Batcher(chat.resume, limit=RESUMES)
        self._subscriber = Subscriber(client, self._on_message, self._on_connect)
        self.streams = Streams(namespace, chat, self._subscriber)

    @property
    def sockets(self) -> list[Socket]:
        """Every socket of this gateway."""
        return [socket for sockets in self._people.values() for socket in sockets]

    def held_by(self, user_id: str) -> int:
        """How many sockets a person holds here."""
        return len(self._people[user_id]) if user_id in self._people else 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen and compare until the event is set."""
        await self._subscriber.subscribe([sessions_channel(self._namespace)])
        async with asyncio.TaskGroup() as group:
            group.create_task(self._subscriber.run(stopping))
            group.create_task(self._watch(stopping))

    async def drain(self) -> None:
        """End what is under way in the background, when the last socket has gone."""
        await self.streams.drain()
        await self._resumes.drain()

    async def add(self, socket: Socket) -> None:
        """Begin to send a person's pushes to a socket."""
        self._people[socket.user_id].add(socket)
        _open.add(1)
        await self._subscriber.subscribe([user_channel(self._namespace, socket.user_id)])

    async def remove(self, socket: Socket) -> None:
        """Forget a socket."""
        _open.add(-1)
        self._people[socket.user_id].discard(socket)
        if not self._people[socket.user_id]:
            del self._people[socket.user_id]
            await self._subscriber.unsubscribe([user_channel(self._namespace, socket.user_id)])
        await self.streams.detach(socket, list(socket.positions))

    async def resume(self, user_id: str, asked: Mapping[str, Any]) -> Resumed:
        """What a returning client missed; `asked` is a `Resume` as JSON. Those who return at once share a request."""
        resume = {"user_id": user_id, "resume": asked}
        while (resumed := await self._resumes.submit(resume)).told["later"]:
            pass
        return resumed

    async def greet(self, socket: Socket, standing: Mapping[str, dict[str, Any]]) -> None:
        """Send a socket what happens from now on; what the person was told while it resumed takes effect first."""
        await self.streams.attach(socket, standing, {c: position["last_seq"] for c, position in standing.items()})
        socket.greeted = True
        early, socket.early = socket.early, []
        for take_effect in early:
            take_effect()

    def _on_message(self, channel: str, payload: bytes) -> None:
        """Take a publication. What is wrong with one is no reason not to hear the next."""
        try:
            self._take(channel, payload)
        except Exception as error:
            record_failure("hub", error)

    def _take(self, channel: str, payload: bytes) -> None:
        _, kind, *rest = channel[len(self._namespace) :].split(":", 2)
        if kind == "sessions":
            self._end(SessionEnded.model_validate(orjson.loads(payload)))
        elif kind == "c":
            self.streams.published(rest[0], read_publication(payload))
        else:
            self._on_person(rest[0], read_publication(payload))

    def _on_person(self, user_id: str, published: Published) -> None:
        sockets = self._people.get(user_id, set())
        for push in published.pushes:
            frame = push_frame(push)
            for socket in sockets:
                socket.push(frame)
        if not published.places_the_person:
            return
        if published.relations:
            self._related.add(user_id)
        for socket in sockets:
            if socket.greeted:
                self._place(socket, published)
            else:
                socket.early.append(partial(self._place, socket, published))

    def _place(self, socket: Socket, published: Published) -> None:
        """Let a change in where a person is, and apart from whom, take effect on a socket."""
        if published.relations:
            socket.relate(published.relations)
        if published.left:
            self.streams.start(self.streams.detach(socket, published.left))
        if published.joined:
            self.streams.start(self._join(socket, published.joined))

    async def _join(self, socket: Socket, joined: Mapping[str, int]) -> None:
        """Follow conversations that a connected person has just come into, each from the place that is told."""
        new = [topic_id for topic_id in joined if topic_id not in socket.positions]
        if new:
            standing = await self._chat.positions(new)
            await self._begin(socket, {c: {**place, "visible_from": joined[c]} for c, place in standing.items()})

    async def _begin(self, socket: Socket, standing: Mapping[str, dict[str, Any]]) -> None:
        """Send a socket conversations that it does not follow yet from their start; of a long one, its end."""
        new = {c: position for c, position in standing.items() if c not in socket.positions}
        if new and socket.greeted:
            starts = {c: max(0, position["last_seq"] - MOST_TOLD) for c, position in new.items()}
            await self.streams.attach(socket, new, starts)

    async def _on_connect(self) -> None:
        """Catch up with what was published while nobody listened."""
        try:
            await self._credentials.load_ended()
        except UNAVAILABLE as error:
            record_failure("hub", error)
        for work in self._checks:
            self.streams.start(work())

    @property
    def _checks(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        return self.streams.compare, self._check_relations, self._check_joins

    async def _watch(self, stopping: asyncio.Event) -> None:
        due = time.monotonic() + self._reconcile_seconds
        while not await wait_for(stopping, min(DEAF_SECONDS, self._reconcile_seconds)):
            if self._subscriber.connected and time.monotonic() < due:
                continue
            due = time.monotonic() + self._reconcile_seconds
            for check in self._checks:
                try:
                    await check()
                except Exception as error:
                    record_failure("hub", error)

    async def _check_relations(self) -> None:
        """Learn who blocks whom by now; what was told about a person meanwhile is newer than the answer."""
        versions = []
        self._related.clear()
        for people in self._people_in_chunks():
            answer = await self._chat.relations(people, self._relations_version)
            versions.append(answer["version"])
            for user_id, relations in answer["relations"].items():
                for socket in self._people.get(user_id, ()) if user_id not in self._related else ():
                    self._place(socket, Published([], [], {}, [], relations))
        self._relations_version = min(versions)

    async def _check_joins(self) -> None:
        """Learn into which conversations people have come by now."""
        versions = []
        for people in self._people_in_chunks():
            answer = await self._chat.joins(people, self._joins_version)
            versions.append(answer["version"])
            for user_id, standing in answer["joined"].items():
                for socket in list(self._people.get(user_id, ())):
                    await self._begin(socket, standing)
        self._joins_version = min(versions)

    def _people_in_chunks(self) -> list[list[str]]:
        """Everybody here. Where nobody is, the one chunk is empty: a version that stands still grows expensive."""
        people = list(self._people)
        return [people[start : start + CHUNK] for start in range(0, len(people), CHUNK)] or [[]]

    def _end(self, ended: SessionEnded) -> None:
        """Close the sockets of sessions that have ended."""
        self._credentials.note_ended(ended)
        for socket in list(self._people.get(ended.user_id, ())):
            if ended.session_id in (None, socket.session.principal.session_id):
                socket.close(CloseCode.SESSION_REVOKED)

    async def expire(self, stopping: asyncio.Event) -> None:
        """Close the sockets whose credentials are over, or that never said hello, until the event is set."""
        while not await wait_for(stopping, 1.0):
            now = time.time()
            for socket in self.sockets:
                if socket.session.expires_at <= now:
                    socket.close(CloseCode.CREDENTIALS_EXPIRED)
                elif socket.hello_by <= time.monotonic():
                    socket.close(CloseCode.TOO_SLOW)
