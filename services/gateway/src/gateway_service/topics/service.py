"""The hub: subscribes to what this gateway's sockets need, and sees to it that none of them lacks an event.

Live events come by Valkey, which may lose them. Three things make up for that: an event that comes too early starts a
look into chat's log; positions are compared with chat's every few seconds, and after every reconnect; and each socket
gets its events by `seq`, so that what it lacks is noticed and read from the log.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

import orjson

from gateway_service.credentials.service import CredentialService
from gateway_service.sockets.domain import Socket
from gateway_service.topics.domain import Topic, push_frame
from gateway_service.topics.models import Resumed
from gateway_service.topics.repository import PAGE, ChatRepository
from messenger_contracts.realtime import (
    CloseCode,
    Live,
    SessionEnded,
    conversation_channel,
    sessions_channel,
    user_channel,
)
from servicekit.batching import Batcher
from servicekit.errors import DependencyUnavailable
from servicekit.fanout import Published, read_publication
from servicekit.loops import wait_for
from servicekit.telemetry import meter, record_failure
from servicekit.valkey import UNAVAILABLE, Subscriber

REORDER_SECONDS = 0.02
CHUNK = 1000
RESUMES = 50
"""Returning clients that are asked about in one request."""
_open = meter.create_up_down_counter("gateway.sockets", description="Open sockets")
_filled = meter.create_counter("gateway.filled", description="Events that were read from the log, not heard live")


class Hub:
    """Sockets by person, conversations by id, and the one subscription that feeds them."""

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
        self._topics: dict[str, Topic] = {}
        self._people: dict[str, set[Socket]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()
        self._resumes: Batcher[dict[str, Any], Resumed] = Batcher(chat.resume, limit=RESUMES)
        self._comparisons: Batcher[list[str], None] = Batcher(self._compare_together)
        self._subscriber = Subscriber(client, self._on_message, self._on_connect)

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

    async def add(self, socket: Socket) -> None:
        """Begin to send a person's pushes to a socket."""
        self._people[socket.user_id].add(socket)
        _open.add(1)
        await self._subscriber.subscribe([user_channel(self._namespace, socket.user_id)])

    async def remove(self, socket: Socket) -> None:
        """Forget a socket, and stop listening to what nobody here needs any more."""
        _open.add(-1)
        self._people[socket.user_id].discard(socket)
        unused = []
        if not self._people[socket.user_id]:
            del self._people[socket.user_id]
            unused.append(user_channel(self._namespace, socket.user_id))
        for topic_id in socket.positions:
            topic = self._topics.get(topic_id)
            if topic is None:
                continue
            topic.sockets.discard(socket)
            if not topic.sockets:
                del self._topics[topic_id]
                unused.append(conversation_channel(self._namespace, topic_id))
        await self._subscriber.unsubscribe(unused)

    async def resume(self, user_id: str, asked: Mapping[str, Any]) -> Resumed:
        """What a returning client missed; `asked` is a `Resume` as JSON. Those who return at once share a request."""
        resume = {"user_id": user_id, "resume": asked}
        while (resumed := await self._resumes.submit(resume)).told["later"]:
            pass
        return resumed

    async def attach(self, socket: Socket, standing: Mapping[str, dict[str, Any]], positions: dict[str, int]) -> None:
        """Send a socket every event of these conversations from its positions on.

        `standing` is where each log was when the positions were read, as `Position` JSON; what happens from then on is
        found by the comparison that follows the subscription.
        """
        new = [topic_id for topic_id in standing if topic_id not in self._topics]
        for topic_id, position in standing.items():
            topic = self._topics.get(topic_id)
            if topic is None:
                topic = self._topics[topic_id] = Topic(
                    topic_id, position["epoch"], position["last_seq"], position["direct"]
                )
            topic.sockets.add(socket)
            socket.see_from(topic_id, position["visible_from"])
            socket.positions[topic_id] = positions[topic_id]
            if topic.seq > positions[topic_id]:
                self._start(self._fill_socket(socket, topic))
        await self._subscriber.subscribe(conversation_channel(self._namespace, topic_id) for topic_id in new)
        if new:
            self._start(self._compare_soon(new))

    def moved_since(self, socket: Socket, moment: float) -> dict[str, int]:
        """The positions of a socket's conversations that moved since a moment (monotonic seconds)."""
        topics = (self._topics[topic_id] for topic_id in socket.positions if topic_id in self._topics)
        return {topic.id: topic.seq for topic in topics if topic.changed_at >= moment}

    def _on_message(self, channel: str, payload: bytes) -> None:
        _, kind, *rest = channel[len(self._namespace) :].split(":", 2)
        if kind == "sessions":
            self._end(SessionEnded.model_validate(orjson.loads(payload)))
        elif kind == "c":
            self._on_conversation(rest[0], read_publication(payload))
        else:
            self._on_person(rest[0], read_publication(payload))

    def _on_conversation(self, topic_id: str, published: Published) -> None:
        topic = self._topics.get(topic_id)
        if topic is None:
            return
        self._offer(topic, published.events)
        if topic.has_gap:
            self._start(self._fill_topic(topic, REORDER_SECONDS))
        for push in published.pushes:
            self._push(topic.sockets, push)

    def _on_person(self, user_id: str, published: Published) -> None:
        sockets = self._people.get(user_id, set())
        for push in published.pushes:
            self._push(sockets, push)
        if published.joined:
            for socket in sockets:
                self._start(self._join(socket, published.joined))

    @staticmethod
    def _push(sockets: Iterable[Socket], push: dict[str, Any]) -> None:
        frame = push_frame(push)
        for socket in sockets:
            socket.push(frame)

    def _offer(self, topic: Topic, events: Iterable[Live]) -> None:
        for offered in events:
            for event in topic.offer(offered):
                for socket in topic.sockets:
                    if topic.id not in socket.filling and socket.deliver(
                        topic.id, event.seq, event.end, topic.frame_for(socket, event)
                    ):
                        self._start(self._fill_socket(socket, topic))

    async def _join(self, socket: Socket, joined: list[str]) -> None:
        """Follow conversations that a connected person has just come into."""
        new = [topic_id for topic_id in joined if topic_id not in socket.positions]
        if new and socket.greeted:
            standing = await self._chat.positions(new)
            await self.attach(socket, standing, dict.fromkeys(standing, 0))

    async def _fill_topic(self, topic: Topic, patience: float) -> None:
        """Read what a conversation's stream lacks from the log, unless it comes by itself in a moment."""
        if topic.filling:
            return
        topic.filling = True
        try:
            await asyncio.sleep(patience)
            while topic.has_gap and topic.sockets:
                if not await self._read_on(topic):
                    break
        finally:
            topic.filling = False

    async def _read_on(self, topic: Topic) -> int:
        events = await self._chat.missed(topic.id, topic.seq)
        _filled.add(len(events))
        self._offer(topic, events)
        return len(events)

    async def _fill_socket(self, socket: Socket, topic: Topic) -> None:
        """Read what one socket lacks from the log, until it is where the stream is."""
        if topic.id in socket.filling:
            return
        socket.filling.add(topic.id)
        try:
            while socket.positions[topic.id] < topic.seq and not socket.closed:
                events = await self._chat.missed(topic.id, socket.positions[topic.id], socket.user_id)
                _filled.add(len(events))
                for event in events:
                    socket.deliver(topic.id, event.seq, event.end, event.frame)
                if not events:
                    socket.close(CloseCode.POSITIONS_UNKNOWN)
                await socket.flushed()
        except DependencyUnavailable:
            socket.close(CloseCode.DRAINING)
        finally:
            socket.filling.discard(topic.id)

    async def _on_connect(self) -> None:
        """Catch up with what was published while nobody listened."""
        try:
            await self._credentials.load_ended()
        except UNAVAILABLE as error:
            record_failure("hub", error)
        self._start(self._compare(list(self._topics)))

    async def _watch(self, stopping: asyncio.Event) -> None:
        while not await wait_for(stopping, self._reconcile_seconds):
            try:
                await self._compare(list(self._topics))
            except DependencyUnavailable as error:
                record_failure("hub", error)

    async def _compare_soon(self, topic_ids: list[str]) -> None:
        """Compare together with whatever else others want compared at this moment."""
        await self._comparisons.submit(topic_ids)

    async def _compare_together(self, wanted: Sequence[list[str]]) -> Sequence[None]:
        await self._compare(list({topic_id for topic_ids in wanted for topic_id in topic_ids}))
        return [None] * len(wanted)

    async def _compare(self, topic_ids: list[str]) -> None:
        """Compare the streams with chat's positions, and read on where they are behind."""
        for start in range(0, len(topic_ids), CHUNK):
            standing = await self._chat.positions(topic_ids[start : start + CHUNK])
            for topic_id, position in standing.items():
                topic = self._topics.get(topic_id)
                if topic is not None:
                    await self._catch_up(topic, position)

    async def _catch_up(self, topic: Topic, position: Mapping[str, Any]) -> None:
        if topic.epoch != position["epoch"]:
            for socket in topic.sockets:
                socket.close(CloseCode.POSITIONS_UNKNOWN)
            return
        while topic.seq < position["last_seq"] and topic.sockets:
            if await self._read_on(topic) < PAGE:
                break

    def _end(self, ended: SessionEnded) -> None:
        """Close the sockets of sessions that have ended."""
        self._credentials.note_ended(ended)
        for socket in list(self._people.get(ended.user_id, ())):
            if ended.session_id in (None, socket.session.principal.session_id):
                socket.close(CloseCode.SESSION_REVOKED)

    async def expire(self, stopping: asyncio.Event) -> None:
        """Close the sockets whose credentials are over, until the event is set."""
        while not await wait_for(stopping, 1.0):
            now = time.time()
            for socket in self.sockets:
                if socket.session.expires_at <= now:
                    socket.close(CloseCode.CREDENTIALS_EXPIRED)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            record_failure("hub", error)
