"""The least of a client that a load needs: a WebSocket and an HTTP connection, each as little work as it can be.

A generator shares the machine with what it measures. Nothing is retried and nothing forgiven here: an answer that is
not the expected one ends the measurement.
"""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
import orjson

from messenger_contracts.realtime import SUBPROTOCOL

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_NO_MASK = bytes(4)  # masking keeps proxies from being fooled (RFC 6455, 10.3); on loopback it is only work
_HELLO = 0

Take = Callable[[dict[str, Any]], None]


class Lost(Exception):
    """The connection ended, or was refused."""


@dataclass(frozen=True)
class Gateway:
    """Where the gateway listens."""

    host: str
    port: int

    @classmethod
    def at(cls, origin: str) -> "Gateway":
        """Read it from a URL."""
        parts = urlsplit(origin)
        return cls(parts.hostname or "", parts.port or 80)


class Socket(asyncio.Protocol):
    """A client of `messenger.v1`. `take` is called with every frame that is not the answer to hello, in order."""

    def __init__(self, token: str, take: Take, positions: dict[str, int]) -> None:
        self._token = token
        self._positions = positions
        self._take = take
        self._buffer = bytearray()
        self._upgraded = False
        self._transport: asyncio.Transport
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are transports by behaviour alone
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            "GET /v1/realtime HTTP/1.1",
            "Host: gateway",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            f"Authorization: Bearer {self._token}",
        )
        self._transport.write("\r\n".join((*lines, "", "")).encode())

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of what has come."""
        self._buffer += data
        if not self._upgraded and not self._read_upgrade():
            return
        while (frame := self._next()) is not None:
            self._handle(*frame)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits."""
        self._end(str(error or "the connection ended"))

    def send(self, frames: list[bytes]) -> None:
        """Send each as a WebSocket frame of its own."""
        self._transport.write(b"".join(_framed(_TEXT, frame) for frame in frames))

    def close(self) -> None:
        """Leave without a word."""
        self._transport.abort()

    def _read_upgrade(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if b" 101 " not in self._buffer[:16]:
            self._end(f"refused: {self._buffer[:end].decode().splitlines()[0]}")
            self._transport.abort()
            return False
        del self._buffer[: end + 4]
        self._upgraded = True
        self.send([orjson.dumps({"id": _HELLO, "op": "hello", "d": {"positions": self._positions}})])
        return True

    def _next(self) -> tuple[int, bytes] | None:
        buffer, start = self._buffer, 2
        if len(buffer) < start:
            return None
        length = buffer[1]
        if length >= 126:
            form = ">H" if length == 126 else ">Q"
            start += struct.calcsize(form)
            if len(buffer) < start:
                return None
            (length,) = struct.unpack_from(form, buffer, 2)
        if len(buffer) < start + length:
            return None
        opcode, payload = buffer[0] & 15, bytes(buffer[start : start + length])
        del buffer[: start + length]
        return opcode, payload

    def _handle(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self._transport.write(_framed(_PONG, payload))
        elif opcode == _CLOSE:
            self._end(f"closed with {int.from_bytes(payload[:2], 'big')}")
        else:
            for line in payload.split(b"\n"):
                self._frame(orjson.loads(line))

    def _frame(self, frame: dict[str, Any]) -> None:
        if "error" in frame:
            self._end(f"refused: {frame['error']}")
        elif frame.get("id") == _HELLO:
            self.greeted.set_result(frame["ok"])
        else:
            self._take(frame)

    def _end(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_result(why)
        if not self.greeted.done():
            self.greeted.set_exception(Lost(why))
            self.greeted.exception()  # whoever does not ask need not hear of it


def _framed(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return bytes((0x80 | opcode, 0x80 | length)) + _NO_MASK + payload
    return bytes((0x80 | opcode, 0x80 | 126)) + length.to_bytes(2, "big") + _NO_MASK + payload


async def connect(gateway: Gateway, token: str, take: Take, positions: dict[str, int]) -> Socket:
    """Open a socket and say hello; raises `Lost`, `OSError` or `TimeoutError`."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: Socket(token, take, positions), gateway.host, gateway.port)
    async with asyncio.timeout(60):
        if not (await socket.greeted)["resumed"]:
            raise Lost("the positions are too old")
    return socket


class Http(asyncio.Protocol):
    """One connection that is kept open, one request at a time. Its parser is C, and calls for bodies alone."""

    def __init__(self, token: str) -> None:
        self._credentials = f"Authorization: Bearer {token}\r\n" if token else ""
        self._parser = httptools.HttpResponseParser(self)
        self._content = bytearray()
        self._answered: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    @classmethod
    async def open(cls, gateway: Gateway, token: str = "") -> "Http":
        """Connect; without a token as nobody."""
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(lambda: cls(token), gateway.host, gateway.port))[1]

    async def ask(self, method: str, path: str, body: bytes = b"") -> Any:
        """Return what the answer holds; raises `Lost` unless it is a 2xx."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: gateway\r\n{self._credentials}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._content.clear()
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(head.encode() + body)
        await self._answered
        status = self._parser.get_status_code()
        if not 200 <= status < 300:
            raise Lost(f"{method} {path}: {status} {self._content.decode()}")
        return orjson.loads(self._content)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take in a part of an answer."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Keep a part of the answer's body."""
        self._content += body

    def on_message_complete(self) -> None:
        """Hand the answer to who waits for it."""
        if self._answered and not self._answered.done():
            self._answered.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits."""
        if self._answered and not self._answered.done():
            self._answered.set_exception(Lost(str(error or "the connection ended")))

    def close(self) -> None:
        """Leave."""
        self._transport.close()
