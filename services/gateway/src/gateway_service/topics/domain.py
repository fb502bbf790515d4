"""One conversation's stream on this gateway, without I/O."""

import time
from collections.abc import Iterator
from typing import Any

import orjson

from gateway_service.sockets.domain import Socket


def event_frame(event: dict[str, Any]) -> str:
    """The frame of a log event."""
    return push_frame({"op": "event", "d": event})


def push_frame(push: dict[str, Any]) -> str:
    """The frame of a push."""
    return orjson.dumps(push).decode()


class Topic:
    """Puts the events of a conversation in order, each once, and knows when one is missing.

    `seq` is the last event that went out; what came too early waits in `early`.
    """

    __slots__ = ("changed_at", "early", "epoch", "filling", "id", "seq", "sockets")

    def __init__(self, topic_id: str, epoch: str, seq: int) -> None:
        self.id = topic_id
        self.epoch = epoch
        self.seq = seq
        self.sockets: set[Socket] = set()
        self.early: dict[int, str] = {}
        self.filling = False
        self.changed_at = time.monotonic()

    def offer(self, seq: int, frame: str) -> Iterator[tuple[int, str]]:
        """Take an event; gives those that can go out now, in order."""
        if seq > self.seq:
            self.early[seq] = frame
        while (next_frame := self.early.pop(self.seq + 1, None)) is not None:
            self.seq += 1
            self.changed_at = time.monotonic()
            yield self.seq, next_frame

    @property
    def has_gap(self) -> bool:
        """Whether something is missing before what came."""
        return bool(self.early)
