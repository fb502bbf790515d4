"""A gateway of one conversation, made to misbehave: loses pushes and answers, closes sockets, restores backups."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.server import ServerConnection, serve

from messenger_contracts.realtime import SUBPROTOCOL
from messengerctl.client import Client, Tokens

C = "conversation"
AT = "2026-01-31T09:30:00.123Z"


class FakeGateway:
    """Keeps the log; each attribute below the log is one way to misbehave."""

    def __init__(self) -> None:
        self.epoch = "first"
        self.log: list[dict[str, Any]] = []
        self.clients: dict[str, int] = {}
        self.hellos: list[dict[str, int]] = []
        self.upgrades: list[str] = []
        self.puts = 0
        self.refreshes = 0
        self.close_at_hello: list[int] = []
        self.swallow_acknowledgements = 0
        self.refusals: list[dict[str, Any]] = []
        self.resumed = True
        self.ping_seconds = 25.0
        self._sockets: set[ServerConnection] = set()

    def append(self, text: str, client_id: str = "") -> dict[str, Any]:
        """Write a message into the log without telling anybody."""
        seq = len(self.log) + 1
        data = {
            "id": f"id-{seq}",
            "conversation_id": C,
            "client_id": client_id or f"client-{seq}",
            "seq": seq,
            "msg_no": seq,
            "by": "peer",
            "text": text,
            "created_at": AT,
        }
        event = {"c": C, "epoch": self.epoch, "seq": seq, "type": "message.created", "at": AT, "by": "peer"}
        self.log.append({**event, "data": data})
        self.clients[data["client_id"]] = seq
        return self.log[-1]

    async def push(self, *events: dict[str, Any]) -> None:
        """Send events to every socket, in one frame."""
        frame = "\n".join(json.dumps({"op": "event", "d": event}) for event in events)
        for socket in self._sockets:
            await socket.send(frame)

    async def drain(self, retry_after_ms: int) -> None:
        """Say good-bye as a gateway does before a deploy."""
        for socket in list(self._sockets):
            await socket.send(json.dumps({"op": "drain", "d": {"retry_after_ms": retry_after_ms}}))
            await socket.close(4000)

    async def close(self, code: int) -> None:
        """Close every socket."""
        for socket in list(self._sockets):
            await socket.close(code)

    def cut(self) -> None:
        """Break every connection without a word."""
        for socket in self._sockets:
            socket.transport.abort()

    async def _serve_socket(self, socket: ServerConnection) -> None:
        """Speak the protocol with one client."""
        self.upgrades.append(socket.request.headers["Authorization"])
        self._sockets.add(socket)
        try:
            async for line in socket:
                await self._answer(socket, json.loads(line))
        finally:
            self._sockets.discard(socket)

    async def _answer(self, socket: ServerConnection, request: dict[str, Any]) -> None:
        if request["op"] == "hello":
            await self._hello(socket, request)
        elif request["op"] == "ping":
            await self._reply(socket, request, ok={"positions": {C: len(self.log)}})
        elif request["op"] in ("read", "typing"):
            await self._reply(socket, request, ok={})
        elif self.refusals:
            await self._reply(socket, request, error=self.refusals.pop(0))
        else:
            await self._send(socket, request)

    async def _hello(self, socket: ServerConnection, request: dict[str, Any]) -> None:
        self.hellos.append(request["d"]["positions"])
        if self.close_at_hello:
            await socket.close(self.close_at_hello.pop(0))
            return
        await self._reply(socket, request, ok={"resumed": self.resumed, "session": "s", "ping": self.ping_seconds})
        if self.resumed:
            for event in self.log[request["d"]["positions"].get(C, 0) :]:
                await socket.send(json.dumps({"op": "event", "d": event}))

    async def _send(self, socket: ServerConnection, request: dict[str, Any]) -> None:
        client_id = request["d"]["client_id"]
        if client_id not in self.clients:
            self.append(request["d"]["text"], client_id)
        if self.swallow_acknowledgements:
            self.swallow_acknowledgements -= 1
            socket.transport.abort()
            return
        seq = self.clients[client_id]
        await self._reply(socket, request, ok={"id": f"id-{seq}", "seq": seq, "msg_no": seq, "created_at": AT})
        await self.push(self.log[seq - 1])

    @staticmethod
    async def _reply(socket: ServerConnection, request: dict[str, Any], **outcome: Any) -> None:
        await socket.send(json.dumps({"id": request["id"], **outcome}))

    def _answer_http(self, request: httpx.Request) -> httpx.Response:
        """Answer the REST routes that a session uses."""
        path = request.url.path
        if path == "/v1/auth/refresh":
            self.refreshes += 1
            token = f"access-{self.refreshes}"
            return httpx.Response(200, json={"access_token": token, "refresh_token": "r", "expires_in": 3600})
        if path.endswith("/events"):
            after = int(request.url.params["after_seq"])
            items = self.log[after : after + 2]
            return httpx.Response(200, json={"items": items, "epoch": self.epoch, "last_seq": len(self.log)})
        if path == "/v1/conversations" and request.method == "POST":
            return httpx.Response(200, json=self.conversation())
        if path.endswith("/messages"):
            items = [event["data"] for event in reversed(self.log)]
            return httpx.Response(200, json={"items": items, "next": None})
        if path == "/v1/conversations":
            return httpx.Response(200, json={"items": [self.conversation()], "next": None})
        self.puts += 1
        client_id = path.rpartition("/")[2]
        event = self.append(json.loads(request.content)["text"], client_id)
        return httpx.Response(201, json=event["data"])

    def conversation(self) -> dict[str, Any]:
        """The conversation as its member sees it."""
        last = len(self.log)
        counts = {"last_seq": last, "last_msg_no": last, "read_seq": 0, "unread": last, "member_count": 2}
        names = {"id": C, "kind": "direct", "epoch": self.epoch, "role": "member", "created_at": AT}
        return {**names, **counts, "last_message": None}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Client]:
        """Serve, and give a client that is signed in."""
        async with serve(self._serve_socket, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
            port = server.sockets[0].getsockname()[1]
            transport = httpx.MockTransport(self._answer_http)
            tokens = Tokens("access-0", "r", float("inf"))
            async with Client(f"http://127.0.0.1:{port}", tokens, transport=transport) as client:
                yield client


@pytest.fixture
def gateway() -> FakeGateway:
    """A gateway that behaves until it is told otherwise."""
    return FakeGateway()
