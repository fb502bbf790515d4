"""The socket without a network: frames that wait."""

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

import pytest

from gateway_service.credentials.domain import Session
from gateway_service.sockets.domain import Socket
from messenger_contracts.identity import Principal
from messenger_contracts.realtime import CloseCode


class Peer:
    """The server's end of a socket; it takes nothing while it is held."""

    def __init__(self) -> None:
        self.taken: list[MutableMapping[str, Any]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.gone = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.free.wait()
        if self.gone:
            raise OSError
        self.taken.append(message)


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def socket(peer: Peer) -> Socket:
    session = Session(Principal(user_id="u", username="ada", session_id="s"), time.time() + 60)
    return Socket("1", session, peer.send, queue_bytes=1000, rate=100)


async def test_what_is_pushed_at_once_goes_as_one(socket: Socket, peer: Peer) -> None:
    socket.push("1")
    socket.push("2")
    await socket.flushed()
    assert peer.taken == [{"type": "websocket.send", "text": "1\n2"}]


async def test_a_client_that_takes_nothing_for_a_while_gets_all_in_order(socket: Socket, peer: Peer) -> None:
    peer.free.clear()
    socket.push("1")
    flushed = asyncio.ensure_future(socket.flushed())
    await asyncio.sleep(0)
    socket.push("2")
    socket.push("3")
    peer.free.set()
    await flushed
    await socket.flushed()
    assert [message["text"] for message in peer.taken] == ["1", "2\n3"]


async def test_what_waits_goes_before_the_close(socket: Socket, peer: Peer) -> None:
    peer.free.clear()
    socket.push("1")
    flushed = asyncio.ensure_future(socket.flushed())
    await asyncio.sleep(0)
    socket.push("2")
    socket.close(CloseCode.DRAINING)
    peer.free.set()
    await flushed
    assert [message.get("text", message.get("code")) for message in peer.taken] == ["1", "2", 4000]


async def test_a_client_that_is_gone_ends_the_socket(socket: Socket, peer: Peer) -> None:
    peer.free.clear()
    socket.push("1")
    flushed = asyncio.ensure_future(socket.flushed())
    await asyncio.sleep(0)
    peer.gone = True
    peer.free.set()
    await flushed
    assert socket.closed


async def test_a_skip_over_several_places_leads_on_to_what_follows(socket: Socket) -> None:
    socket.positions["c"] = 3
    assert socket.deliver("c", 4, 6, "skip") is False
    assert socket.deliver("c", 6, 6, "old") is False
    assert socket.deliver("c", 8, 8, "early") is True
    assert socket.deliver("c", 7, 7, "next") is False
    assert socket.positions["c"] == 7
