"""HTTP connections on which an answer goes out whole.

uvicorn writes the head of an answer and its body apart: two system calls here, two packets, and a peer that wakes
twice. On a small answer that is a fifth of all that the gateway does for it.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class WholeAnswers(HttpToolsProtocol):
    """uvicorn's protocol, on a transport that gathers. A socket's frames are whole already: it gets the bare one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve a connection."""
        self._bare, self._gathering = transport, Gathering(transport)
        super().connection_made(cast("asyncio.Transport", self._gathering))

    def on_response_complete(self) -> None:
        """Send a whole answer before anything else is done about the request."""
        self._gathering.flush()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the protocol of sockets."""
        self.transport = self._bare
        super().handle_websocket_upgrade()


class Gathering:
    """A transport that writes together what it is given in one turn of the event loop."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write soon."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)

    def close(self) -> None:
        """Write what was given, and close."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Write what was given."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))
