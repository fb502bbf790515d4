"""Clients of the socket, what is published to them, and a conversation in which something was said."""

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import pytest
import websockets

from gateway_service.main import create
from gateway_service.settings import GatewaySettings
from messenger_contracts.realtime import SUBPROTOCOL, conversation_channel, user_channel
from servicekit.fanout import live, publication
from servicekit.testing import eventually, serving

C = "11111111-1111-4111-8111-111111111111"


class Client:
    """A client of the socket: it takes frames apart and keeps what was not asked for yet."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.greeting: dict[str, Any] = {}
        self._number = 0

    async def next(self) -> dict[str, Any]:
        """The next frame, whatever it is."""
        while not self.frames:
            text = await asyncio.wait_for(self.socket.recv(), 10)
            self.frames += [orjson.loads(line) for line in text.split("\n")]
        return self.frames.pop(0)

    async def event(self) -> dict[str, Any]:
        """The next log event."""
        while (frame := await self.next()).get("op") != "event":
            pass
        return frame["d"]

    async def ask(self, op: str, **d: Any) -> dict[str, Any]:
        """Ask, and give the reply; frames that come before it stay for later."""
        self._number += 1
        await self.socket.send(orjson.dumps({"id": self._number, "op": op, "d": d}).decode())
        passed = []
        while (frame := await self.next()).get("id") != self._number:
            passed.append(frame)
        self.frames = passed + self.frames
        return frame

    async def closed(self) -> int:
        """The code with which the server ends the socket."""
        with suppress(websockets.ConnectionClosed):
            await asyncio.wait_for(self._exhaust(), 20)
        return self.socket.close_code

    async def _exhaust(self) -> None:
        async for _ in self.socket:
            pass


def joining(address: str, backend: Any):
    """Connects people's sockets to a gateway."""

    @asynccontextmanager
    async def join(name: str, *, hello: bool = True, positions: dict[str, int] | None = None, **claims: Any):
        headers = {"Authorization": f"Bearer {backend.token(name, **claims)}"}
        url = f"ws://{address}/v1/realtime"
        async with websockets.connect(
            url, additional_headers=headers, subprotocols=[SUBPROTOCOL], max_queue=1
        ) as socket:
            client = Client(socket)
            if hello:
                client.greeting = (await client.ask("hello", positions=positions or {}))["ok"]
            yield client

    return join


@pytest.fixture
def joined_to(backend: Any):
    """Gives what connects people to the gateway at an address."""
    return lambda address: joining(address, backend)


@pytest.fixture
def join(address: str, backend: Any):
    """Connects a person's socket to the test's gateway."""
    return joining(address, backend)


@pytest.fixture
def gateway(settings: GatewaySettings, backend: Any):
    """Starts another gateway, with settings of its own; gives what connects to it."""

    @asynccontextmanager
    async def start(**changes: Any):
        async with serving(create(settings.model_copy(update=changes))) as address:
            yield joining(address, backend)

    return start


@pytest.fixture
def publish(valkey: Any, namespace: str):
    """Publishes as chat and notification do."""

    async def to_conversation(conversation: str, *events: dict[str, Any], **about: Any) -> None:
        message = publication([live(event, **about) for event in events])
        await valkey.publish(conversation_channel(namespace, conversation), message)

    async def to_person(user_id: str, **message: Any) -> None:
        await valkey.publish(user_channel(namespace, user_id), orjson.dumps(message))

    to_conversation.person = to_person
    return to_conversation


@pytest.fixture
def conversation(backend) -> str:
    """Ada's and Bob's conversation, with three events."""
    backend.members[C] |= {"user-ada", "user-bob"}
    for n in range(3):
        backend.append(C, text=str(n))
    return C


@pytest.fixture
def followed(valkey, namespace):
    """Waits until a gateway has subscribed to a conversation, or does so no longer."""

    async def wait(topic: str = C, *, yes: bool = True) -> None:
        async def subscribed() -> bool:
            [(_, count)] = await valkey.pubsub_numsub(f"{namespace}:c:{topic}")
            return (count > 0) == yes

        await eventually(subscribed)

    return wait
