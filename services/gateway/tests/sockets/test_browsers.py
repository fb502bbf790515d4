"""Sockets of browsers: the cookie opens them for our own pages alone, and is renewed by the handshake."""

import time

import orjson
import pytest
import websockets

from messenger_contracts.realtime import SUBPROTOCOL, SessionEnded, sessions_channel
from servicekit.testing import eventually

OURS, THEIRS = "http://127.0.0.1:8080", "https://evil.example"


@pytest.fixture
def connect(address):
    """Opens a socket with a cookie, as a page of some origin does."""

    def open_socket(cookie: str, origin: str | None = OURS, **headers: str):
        return websockets.connect(
            f"ws://{address}/v1/realtime",
            origin=origin,
            additional_headers={"Cookie": cookie, **headers},
            subprotocols=[SUBPROTOCOL],
        )

    return open_socket


async def test_a_page_of_ours_opens_a_socket(connect, backend) -> None:
    async with connect(await backend.cookie("ada")) as socket:
        await socket.send('{"id": 1, "op": "hello", "d": {}}')
        assert orjson.loads(await socket.recv())["ok"]["resumed"] is True
        assert "set-cookie" not in socket.response.headers


@pytest.mark.parametrize("origin", [None, THEIRS, "null"])
async def test_no_other_page_does(connect, backend, origin) -> None:
    cookie = await backend.cookie("ada")
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(cookie, origin)
    assert refused.value.response.status_code == 403


async def test_a_token_needs_no_page(connect, backend) -> None:
    headers = {"Authorization": f"Bearer {backend.token('ada')}"}
    async with connect(await backend.cookie("bob"), THEIRS, **headers) as socket:
        assert socket.subprotocol == SUBPROTOCOL


async def test_the_handshake_renews_the_cookie(connect, backend) -> None:
    async with connect(await backend.cookie("ada", renew_in=-1, access_for=-1)) as socket:
        renewed = socket.response.headers["set-cookie"]
        await socket.send('{"id": 1, "op": "hello", "d": {}}')
        assert orjson.loads(await socket.recv())["ok"]["resumed"] is True
    assert renewed.startswith("__Host-session=v4.local.")
    async with connect(renewed.partition(";")[0]) as socket:
        assert socket.subprotocol == SUBPROTOCOL


async def test_a_socket_ends_with_the_access_of_its_cookie(connect, backend) -> None:
    async with connect(await backend.cookie("ada", access_for=0.2)) as socket:
        await socket.wait_closed()
        assert socket.close_code == 4001


async def test_a_revoked_session_closes_the_sockets_of_its_cookie(connect, backend, valkey, namespace) -> None:
    cookie = await backend.cookie("ada")
    async with connect(cookie) as socket:
        await socket.send('{"id": 1, "op": "hello", "d": {}}')
        await socket.recv()
        ended = SessionEnded(user_id="user-ada", session_id="session-ada", until=int(time.time()) + 60)

        async def told() -> bool:
            return await valkey.publish(sessions_channel(namespace), ended.model_dump_json())

        await eventually(told)
        await socket.wait_closed()
        assert socket.close_code == 4003
    async with connect(cookie) as late:
        await late.wait_closed()
        assert late.close_code == 4003
