"""A subscription on a Valkey that comes and goes: a server of the test's own, which it may kill."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud.processes import free_port
from localcloud.valkey import Valkey
from servicekit.testing import eventually
from servicekit.valkey import UNAVAILABLE, Subscriber, create_valkey


class OwnServer:
    """A server that a test may stop and start."""

    def __init__(self, home: Path) -> None:
        self._server = Valkey(home, free_port())
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        program = self._server.program(self._server.home / "log")
        program.prepare()
        self._process = subprocess.Popen(program.argv, cwd=program.cwd, stdout=subprocess.DEVNULL)

    def signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    server = OwnServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def client(server: OwnServer) -> AsyncIterator[Any]:
    async with create_valkey(server.url) as client:
        yield client


@dataclass
class Listener:
    """What a subscriber heard, and how often it connected."""

    subscriber: Subscriber = field(init=False)
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    connects: int = 0

    async def connected(self) -> None:
        self.connects += 1

    async def has_connected(self, times: int) -> None:
        async def enough() -> bool:
            return self.connects >= times

        await eventually(enough)

    async def has_heard(self, count: int) -> list[tuple[str, bytes]]:
        async def enough() -> bool:
            return len(self.heard) >= count

        await eventually(enough)
        return self.heard


@pytest.fixture
async def listener(client: Any) -> AsyncIterator[Listener]:
    """A listener to channel `a`."""
    listener, stopping = Listener(), asyncio.Event()
    listener.subscriber = Subscriber(
        client, lambda channel, data: listener.heard.append((channel, data)), listener.connected
    )
    await listener.subscriber.subscribe(["a"])
    running = asyncio.create_task(listener.subscriber.run(stopping))
    yield listener
    stopping.set()
    await running


async def _publish(client: Any, channel: str, data: str) -> int:
    with contextlib.suppress(*UNAVAILABLE):
        return int(await client.publish(channel, data))
    return 0


async def test_messages_come_in_order(client: Any, listener: Listener) -> None:
    await listener.has_connected(1)

    for number in range(100):
        await client.publish("a", str(number))

    assert await listener.has_heard(100) == [("a", str(number).encode()) for number in range(100)]


async def test_once_connected_nothing_is_missed(client: Any, listener: Listener) -> None:
    await listener.has_connected(1)

    assert await client.publish("a", "at once") == 1


async def test_channels_come_and_go(client: Any, listener: Listener) -> None:
    await listener.has_connected(1)
    await listener.subscriber.subscribe(["b", "c"])
    await listener.subscriber.unsubscribe(["a", "b"])

    async def only_c() -> bool:
        return [count for _, count in await client.pubsub_numsub("a", "b", "c")] == [0, 0, 1]

    await eventually(only_c)
    await client.publish("c", "here")

    assert await listener.has_heard(1) == [("c", b"here")]


async def test_a_cut_connection_is_told_of_and_made_again(client: Any, listener: Listener) -> None:
    await listener.has_connected(1)
    await listener.subscriber.subscribe(["b"])

    await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await listener.has_connected(2)

    assert await client.publish("a", "again") == 1
    assert await client.publish("b", "too") == 1
    assert await listener.has_heard(2) == [("a", b"again"), ("b", b"too")]


async def test_a_cut_that_a_subscription_is_first_to_see_is_told_of(client: Any, listener: Listener) -> None:
    await listener.has_connected(1)

    await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await listener.subscriber.subscribe(["b"])
    await listener.has_connected(2)

    await client.publish("b", "late")
    assert (await listener.has_heard(1))[-1] == ("b", b"late")


async def test_a_server_that_comes_back_is_found(server: OwnServer, client: Any, listener: Listener) -> None:
    await listener.has_connected(1)

    server.kill()
    await listener.subscriber.subscribe(["b"])
    server.start()
    await listener.has_connected(2)

    async def published() -> int:
        return await _publish(client, "b", "hello")

    await eventually(published)
    assert (await listener.has_heard(1))[-1] == ("b", b"hello")


async def test_a_server_that_hangs_is_left_and_found_again(server: OwnServer, client: Any, listener: Listener) -> None:
    await listener.has_connected(1)

    server.signal(signal.SIGSTOP)

    async def left() -> bool:
        return not listener.subscriber.connected

    await eventually(left, 5)
    server.signal(signal.SIGCONT)
    await listener.has_connected(2)
    assert await client.publish("a", "again") == 1
    assert (await listener.has_heard(1))[-1] == ("a", b"again")


async def test_a_server_that_has_nothing_to_say_is_kept(
    client: Any, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicekit.valkey.SILENCE_SECONDS", 0.01)
    await listener.has_connected(1)

    async def pings() -> int:
        return int((await client.info("commandstats")).get("cmdstat_ping", {"calls": 0})["calls"])

    before = await pings()

    async def asked_often() -> bool:
        return await pings() >= before + 5

    await eventually(asked_often)
    assert (listener.connects, listener.subscriber.connected) == (1, True)


async def test_a_call_without_a_server_fails_soon(server: OwnServer, client: Any) -> None:
    server.kill()

    with pytest.raises(UNAVAILABLE):
        await asyncio.wait_for(client.get("a"), 5)
