"""One client's socket: what it has been sent, what waits, and how much it asks.

Frames that wait are sent together, joined by newlines. A client that does not take them is closed with 4008.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from gateway_service.credentials.domain import Session
from messenger_contracts.commands import Actor
from messenger_contracts.realtime import MAX_FRAME_BYTES, CloseCode

BURST_SECONDS = 10


SendFrame = Callable[[MutableMapping[str, Any]], Awaitable[None]]
"""Sends an ASGI message; raises `OSError` when the client has gone."""


class Socket:
    """A connected client."""

    __slots__ = (
        "_allowance",
        "_bytes",
        "_closing",
        "_flushing",
        "_limit",
        "_rate",
        "_refilled_at",
        "_send",
        "_waiting",
        "actor",
        "filling",
        "greeted",
        "id",
        "pinged_at",
        "positions",
        "session",
    )

    def __init__(self, socket_id: str, session: Session, send: SendFrame, *, queue_bytes: int, rate: int) -> None:
        self.id = socket_id
        self.session = session
        self.actor = Actor(user_id=session.principal.user_id, username=session.principal.username)
        self.positions: dict[str, int] = {}
        self.filling: set[str] = set()
        self.greeted = False
        self.pinged_at = 0.0
        self._send = send
        self._limit = queue_bytes
        self._waiting: list[str] = []
        self._bytes = 0
        self._flushing: asyncio.Task[None] | None = None
        self._closing: CloseCode | None = None
        self._rate = rate
        self._allowance = float(rate * BURST_SECONDS)
        self._refilled_at = time.monotonic()

    @property
    def user_id(self) -> str:
        """Whose socket it is."""
        return self.session.principal.user_id

    @property
    def closed(self) -> bool:
        """Whether the socket has ended or is about to."""
        return self._closing is not None

    def push(self, frame: str) -> None:
        """Send a frame as soon as the client takes it."""
        if self._closing is not None:
            return
        self._bytes += len(frame)
        if self._bytes > self._limit:
            self._waiting.clear()
            self.close(CloseCode.TOO_SLOW)
            return
        self._waiting.append(frame)
        self._flush_soon()

    def reply(self, request_id: int | None, member: str, value: Any) -> None:
        """Answer a request of the client."""
        self.push(orjson.dumps({"id": request_id, member: value}).decode())

    def deliver(self, topic: str, seq: int, frame: str) -> bool:
        """Send the event of a conversation if it is the next; True when the client lacks something before it."""
        position = self.positions.get(topic)
        if position is None or seq <= position:
            return False
        if seq > position + 1:
            return True
        self.positions[topic] = seq
        self.push(frame)
        return False

    def close(self, code: CloseCode) -> None:
        """End the socket after what waits has been sent."""
        if self._closing is None:
            self._closing = code
            self._flush_soon()

    def abandon(self) -> None:
        """Note that the client has gone."""
        self._closing = self._closing or CloseCode.DRAINING
        self._waiting.clear()

    def take_operation(self) -> bool:
        """Count one operation; False when there were too many."""
        now = time.monotonic()
        refill = (now - self._refilled_at) * self._rate
        self._allowance = min(self._rate * BURST_SECONDS, self._allowance + refill) - 1
        self._refilled_at = now
        return self._allowance >= 0

    async def flushed(self) -> None:
        """Wait until everything has been sent."""
        if self._flushing:
            await asyncio.wait([self._flushing])

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.ensure_future(self._flush())

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await self._send({"type": "websocket.send", "text": self._take()})
            if self._closing is not None:
                await self._send({"type": "websocket.close", "code": int(self._closing)})
        except (OSError, RuntimeError):
            self.abandon()
        finally:
            self._flushing = None
        if self._waiting:
            self._flush_soon()

    def _take(self) -> str:
        """As many of the waiting frames as one WebSocket frame may hold; at least one."""
        size = taken = 0
        for frame in self._waiting:
            if taken and size + len(frame) >= MAX_FRAME_BYTES:
                break
            size += len(frame) + 1
            taken += 1
        frames, self._waiting = self._waiting[:taken], self._waiting[taken:]
        self._bytes -= sum(map(len, frames))
        return "\n".join(frames)
