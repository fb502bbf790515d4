"""One conversation's stream on this gateway, without I/O."""

import time
from collections.abc import Collection, Iterator
from typing import Any

import orjson

from gateway_service.sockets.domain import Socket
from messenger_contracts.conversations import LogEventType
from messenger_contracts.realtime import Live, files_of, is_visible, reactions_of


def push_frame(push: dict[str, Any]) -> str:
    """The frame of a push."""
    return orjson.dumps(push).decode()


def frame_of(event: Live, reader: str, apart: Collection[str] = ()) -> str:
    """The frame in which an event is right for a reader who may see it: its own, or one with the reader's reactions.

    Whom a block keeps `apart` from its author sees none of its files.
    """
    readers = event.readers
    if readers is None:
        return event.frame
    without = readers.get("files") and event.author in apart
    if not without and reader not in readers["given"] and reader not in readers["unseen"]:
        return event.frame
    push = orjson.loads(event.frame)
    data = push["d"]["data"]
    data |= reactions_of(data, readers, reader) or {}
    if without:
        data |= files_of(data)
    return push_frame(push)


class Topic:
    """Puts the events of a conversation in order, each once, and knows when one is missing.

    `seq` is the last event that went out; what came too early waits in `early`. Of each socket it is known up to which
    place its person's membership is: an older event of leaving is not about it. In a `direct` conversation nobody is
    spared what a person says whom he or she blocks: there a block closes the conversation.
    """

    __slots__ = ("changed_at", "direct", "early", "epoch", "filling", "id", "seq", "sockets")

    def __init__(self, topic_id: str, epoch: str, seq: int, direct: bool) -> None:
        self.id = topic_id
        self.epoch = epoch
        self.seq = seq
        self.direct = direct
        self.sockets: dict[Socket, int] = {}
        self.early: dict[int, Live] = {}
        self.filling = False
        self.changed_at = time.monotonic()

    def offer(self, event: Live) -> Iterator[Live]:
        """Take an event; gives those that can go out now, in order."""
        if event.seq > self.seq:
            self.early[event.seq] = event
        while (following := self.early.pop(self.seq + 1, None)) is not None:
            self.seq += 1
            self.changed_at = time.monotonic()
            yield following

    def frame_for(self, socket: Socket, event: Live) -> str:
        """The frame of an event for one socket, or that of a skip."""
        if event.audience is None and event.readers is None and not socket.blocked and not socket.visible_from:
            return event.frame
        first = socket.visible_from.get(self.id, 1)
        if is_visible(event, socket.user_id, socket.blocked, direct=self.direct, visible_from=first):
            return frame_of(event, socket.user_id, socket.apart)
        skip = {"c": self.id, "epoch": self.epoch, "seq": event.seq, "to": event.end, "type": "skip"}
        return push_frame({"op": "event", "d": skip})

    def push(self, push: dict[str, Any]) -> None:
        """Send something that is no event, but not to those who are kept apart from whom it is about by a block."""
        frame, of_presence = push_frame(push), push["op"] == "presence"
        about = push["d"].get("user_id" if of_presence else "by")
        for socket in self.sockets:
            if about not in socket.apart and not (of_presence and about == socket.user_id):
                socket.push(frame)

    def ended_for(self, event: Live) -> list[Socket]:
        """The sockets for which an event was the last of the conversation: of who left, or all when the group ended."""
        if event.type == LogEventType.MEMBER_LEFT:
            gone = orjson.loads(event.frame)["d"]["data"].get("user_id")
            return [each for each, known in self.sockets.items() if each.user_id == gone and event.seq > known]
        if event.type == LogEventType.CONVERSATION_UPDATED and orjson.loads(event.frame)["d"]["data"].get("deleted"):
            return list(self.sockets)
        return []

    @property
    def has_gap(self) -> bool:
        """Whether something is missing before what came."""
        return bool(self.early)
