"""The conversations' streams on this gateway: who follows them, and how what is missing gets in.

Live events come by Valkey, which may lose them. Three things make up for that: an event that comes too early starts a
look into chat's log; positions are compared with chat's every few seconds, and after every reconnect; and each socket
gets its events by `seq`, so that what it lacks is noticed and read from the log.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from gateway_service.sockets.domain import Socket
from gateway_service.topics.domain import Topic
from gateway_service.topics.repository import PAGE, ChatRepository
from messenger_contracts.realtime import CloseCode, Live, conversation_channel
from servicekit.batching import Batcher
from servicekit.errors import DependencyUnavailable
from servicekit.fanout import Published
from servicekit.telemetry import meter, record_failure
from servicekit.valkey import Subscriber

REORDER_SECONDS = 0.02
CHUNK = 1000
READ_TOGETHER = 20
"""Conversations whose missing events are read in one request."""
_filled = meter.create_counter("gateway.filled", description="Events that were read from the log, not heard live")


class Streams:
    """Conversations by id, and the sockets that follow them."""

    def __init__(self, namespace: str, chat: ChatRepository, subscriber: Subscriber) -> None:
        self._namespace = namespace
        self._chat = chat
        self._subscriber = subscriber
        self._topics: dict[str, Topic] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._comparisons: Batcher[list[str], None] = Batcher(self._compare_together)

    async def attach(self, socket: Socket, standing: Mapping[str, dict[str, Any]], positions: dict[str, int]) -> None:
        """Send a socket every event of these conversations from its positions on.

        `standing` is where each log was when the positions were read, as `Position` JSON; what happens from then on is
        found by the comparison that follows the subscription.
        """
        if socket.closed:
            return
        new = [topic_id for topic_id in standing if topic_id not in self._topics]
        for topic_id, position in standing.items():
            topic = self._topics.get(topic_id)
            if topic is None:
                topic = self._topics[topic_id] = Topic(
                    topic_id, position["epoch"], position["last_seq"], position["direct"]
                )
            topic.sockets[socket] = position["last_seq"]
            socket.see_from(topic_id, position["visible_from"])
            socket.positions[topic_id] = positions[topic_id]
            if topic.seq > positions[topic_id]:
                self.start(self._fill_socket(socket, topic))
        await self._subscriber.subscribe(self._channels(new))
        if new:
            self.start(self._compare_soon(new))

    async def detach(self, socket: Socket, topic_ids: Iterable[str]) -> None:
        """Send a socket nothing more of these conversations, and stop listening to what nobody here needs any more."""
        unused = []
        for topic_id in topic_ids:
            socket.forget(topic_id)
            topic = self._topics.get(topic_id)
            if topic is None:
                continue
            topic.sockets.pop(socket, None)
            if not topic.sockets:
                del self._topics[topic_id]
                unused.append(topic_id)
        await self._subscriber.unsubscribe(self._channels(unused))

    def moved_since(self, socket: Socket, moment: float) -> dict[str, int]:
        """The positions of a socket's conversations that moved since a moment (monotonic seconds)."""
        topics = (self._topics[topic_id] for topic_id in socket.positions if topic_id in self._topics)
        return {topic.id: topic.seq for topic in topics if topic.changed_at >= moment}

    def directs(self, socket: Socket) -> list[str]:
        """The direct conversations that a socket follows."""
        return [topic_id for topic_id in socket.positions if self._topics[topic_id].direct]

    def published(self, topic_id: str, published: Published) -> None:
        """Take what was published about a conversation."""
        topic = self._topics.get(topic_id)
        if topic is None:
            return
        self._offer(topic, published.events)
        if topic.has_gap:
            self.start(self._fill_topic(topic, REORDER_SECONDS))
        for push in published.pushes:
            topic.push(push)

    async def compare(self) -> None:
        """Compare all streams with chat's positions, and read on where they are behind."""
        await self._compare(list(self._topics))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background; a failure is logged, and left to the next comparison."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def drain(self) -> None:
        """Drop what is under way in the background: there is nobody left to send it to."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._comparisons.drain()

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            record_failure("hub", error)

    def _channels(self, topic_ids: Iterable[str]) -> list[str]:
        return [conversation_channel(self._namespace, topic_id) for topic_id in topic_ids]

    def _offer(self, topic: Topic, events: Iterable[Live]) -> None:
        for offered in events:
            for event in topic.offer(offered):
                for socket in topic.sockets:
                    if topic.id not in socket.filling and socket.deliver(
                        topic.id, event.seq, event.end, topic.frame_for(socket, event)
                    ):
                        self.start(self._fill_socket(socket, topic))
                for socket in topic.ended_for(event):
                    self.start(self.detach(socket, [topic.id]))

    async def _fill_topic(self, topic: Topic, patience: float) -> None:
        """Read what a conversation's stream lacks from the log, unless it comes by itself in a moment."""
        if topic.filling:
            return
        topic.filling = True
        try:
            await asyncio.sleep(patience)
            while topic.has_gap and topic.sockets:
                if not await self._read_on([topic]):
                    break
        finally:
            topic.filling = False

    async def _read_on(self, topics: Sequence[Topic]) -> list[Topic]:
        """Read the next events of streams; gives those of which there may be more."""
        events = await self._chat.missed({topic.id: topic.seq for topic in topics})
        for topic in topics:
            found = events.get(topic.id, [])
            _filled.add(len(found))
            self._offer(topic, found)
        return [topic for topic in topics if len(events.get(topic.id, ())) == PAGE]

    async def _fill_socket(self, socket: Socket, topic: Topic) -> None:
        """Read what one socket lacks from the log, as its person may see it, until it is where the stream is."""
        if topic.id in socket.filling:
            return
        socket.filling.add(topic.id)
        try:
            while (position := socket.positions.get(topic.id)) is not None and position < topic.seq:
                events = (await self._chat.missed({topic.id: position}, socket.user_id)).get(topic.id, [])
                _filled.add(len(events))
                for event in events:
                    socket.deliver(topic.id, event.seq, event.end, event.frame)
                    if socket.half_full:
                        await socket.flushed()
                if socket.positions.get(topic.id) == position:
                    socket.close(CloseCode.POSITIONS_UNKNOWN)
                if socket.closed:
                    return
                await socket.flushed()
        except DependencyUnavailable:
            socket.close(CloseCode.DRAINING)
        finally:
            socket.filling.discard(topic.id)

    async def _compare_soon(self, topic_ids: list[str]) -> None:
        """Compare together with whatever else others want compared at this moment."""
        await self._comparisons.submit(topic_ids)

    async def _compare_together(self, wanted: Sequence[list[str]]) -> Sequence[None]:
        await self._compare(list({topic_id for topic_ids in wanted for topic_id in topic_ids}))
        return [None] * len(wanted)

    async def _compare(self, topic_ids: list[str]) -> None:
        for start in range(0, len(topic_ids), CHUNK):
            standing = await self._chat.positions(topic_ids[start : start + CHUNK])
            behind = [topic for each, position in standing.items() if (topic := self._behind(each, position))]
            for first in range(0, len(behind), READ_TOGETHER):
                reading = behind[first : first + READ_TOGETHER]
                while reading:
                    reading = [topic for topic in await self._read_on(reading) if topic.sockets]

    def _behind(self, topic_id: str, position: Mapping[str, Any]) -> Topic | None:
        """The stream of a conversation, if its log is further on. One of another epoch ends its sockets."""
        topic = self._topics.get(topic_id)
        if topic is None:
            return None
        if topic.epoch != position["epoch"]:
            for socket in topic.sockets:
                socket.close(CloseCode.POSITIONS_UNKNOWN)
            return None
        return topic if topic.seq < position["last_seq"] else None
