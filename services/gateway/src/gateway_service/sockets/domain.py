"""One client's socket: what it has been sent, what waits, and how much it asks.

Frames that wait are sent together, joined by newlines. A client that does not take them is closed with 4008.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, MutableMapping, Sequence
from typing import Any

import orjson

from gateway_service.credentials.domain import Session
from messenger_contracts.realtime import MAX_FRAME_BYTES, CloseCode

BURST_SECONDS = 10
TYPING_PAUSE_SECONDS = 1.0

SendFrame = Callable[[MutableMapping[str, Any]], Awaitable[None]]
"""Sends an ASGI message; raises `OSError` when the client has gone."""


class _Begun:
    """The rest of a coroutine that has run up to its first pause; `pause` is what it waits for."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], pause: Any) -> None:
        self._coroutine = coroutine
        self._pause = pause

    def __await__(self) -> Generator[Any, Any, None]:
        pause = self._pause
        try:
            while True:
                try:
                    told = yield pause
                except BaseException as error:
                    pause = self._coroutine.throw(error)
                else:
                    pause = self._coroutine.send(told)
        except StopIteration:
            return


async def _finish(begun: _Begun) -> None:
    await begun


class Socket:
    """A connected client."""

    __slots__ = (
        "_allowance",
        "_bytes",
        "_closing",
        "_flushing",
        "_flushing_soon",
        "_limit",
        "_rate",
        "_refilled_at",
        "_send",
        "_typed",
        "_waiting",
        "actor",
        "apart",
        "blocked",
        "early",
        "filling",
        "greeted",
        "hello_by",
        "id",
        "pinged_at",
        "positions",
        "session",
        "visible_from",
    )

    def __init__(self, socket_id: str, session: Session, send: SendFrame, *, queue_bytes: int, rate: int) -> None:
        self.id = socket_id
        self.session = session
        self.actor = {"user_id": session.principal.user_id, "username": session.principal.username}
        self.positions: dict[str, int] = {}
        self.filling: set[str] = set()
        self.blocked: frozenset[str] = frozenset()
        self.apart: frozenset[str] = frozenset()
        self.early: list[Callable[[], None]] = []
        self.visible_from: dict[str, int] = {}
        self.greeted = False
        self.hello_by = math.inf
        self.pinged_at = 0.0
        self._typed: dict[str, tuple[bool, float]] | None = None
        self._send = send
        self._limit = queue_bytes
        self._waiting: list[str] = []
        self._bytes = 0
        self._flushing: asyncio.Task[None] | None = None
        self._flushing_soon = False
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

    @property
    def half_full(self) -> bool:
        """Whether so much waits that the client should take some before it is sent more of what can wait."""
        return self._bytes * 2 > self._limit

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

    def see_from(self, topic: str, seq: int) -> None:
        """Note the first message of a conversation that the client may hear of, if it is not the very first."""
        if seq > 1:
            self.visible_from[topic] = seq
        else:
            self.visible_from.pop(topic, None)

    def forget(self, topic: str) -> None:
        """Forget where the client stands in a conversation: nothing of it is sent any more."""
        self.positions.pop(topic, None)
        self.visible_from.pop(topic, None)

    def relate(self, relations: Mapping[str, Sequence[str]]) -> None:
        """Note whom the person blocks, and by whom the person is blocked: `Relations` as JSON."""
        self.blocked = frozenset(relations["blocked"])
        self.apart = self.blocked.union(relations["blocked_by"])

    def may_tell_typing(self, topic: str, typing: bool) -> bool:
        """Whether it is time to tell again that somebody types; that somebody began, or stopped, is told at once."""
        now = time.monotonic()
        recent = {c: told for c, told in (self._typed or {}).items() if now - told[1] < TYPING_PAUSE_SECONDS}
        before, self._typed = recent.get(topic), recent
        if before and (before[0] == typing or not before[0]):
            return False
        recent[topic] = typing, now
        return True

    def deliver(self, topic: str, seq: int, end: int, frame: str) -> bool:
        """Send the event of a conversation if it is the next; True when the client lacks something before it.

        It stands for the places from `seq` to `end`.
        """
        position = self.positions.get(topic)
        if position is None or end <= position:
            return False
        if seq > position + 1:
            return True
        self.positions[topic] = end
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
        if self._flushing is None:
            self._flush()
        if self._flushing:
            await asyncio.wait([self._flushing])

    def _flush_soon(self) -> None:
        """Send once what is under way has been pushed too: so that it goes together."""
        if not self._flushing_soon and self._flushing is None:
            self._flushing_soon = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Hand over what waits. Only where the client is slow is there something to wait for, and so a task."""
        self._flushing_soon = False
        if self._flushing is not None:
            return
        sending = self._send_waiting()
        try:
            pause = sending.send(None)
        except StopIteration:
            return
        self._flushing = asyncio.ensure_future(_finish(_Begun(sending, pause)))
        self._flushing.add_done_callback(self._flushed)

    def _flushed(self, task: "asyncio.Task[None]") -> None:
        self._flushing = None
        if self._waiting and not task.cancelled():
            self._flush_soon()

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                await self._send({"type": "websocket.send", "text": self._take()})
            if self._closing is not None:
                await self._send({"type": "websocket.close", "code": int(self._closing)})
        except (OSError, RuntimeError):
            self.abandon()

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
