"""How sockets begin and end: credentials, close codes, and coming back."""

import asyncio
import json
import signal
from contextlib import asynccontextmanager
from uuid import uuid4

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from messenger_contracts.problem import ErrorCode
from messenger_contracts.realtime import SUBPROTOCOL, CloseCode
from messengerctl.client import Listener, Session
from messengerctl.traffic import meet
from servicekit.testing import eventually


@asynccontextmanager
async def raw_socket(suite, *, token="", ticket=""):
    """A socket without the manners of a client."""
    address = suite.gateway.replace("http", "ws", 1) + "/v1/realtime" + (f"?ticket={ticket}" if ticket else "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    options = {"subprotocols": [SUBPROTOCOL], "additional_headers": headers, "proxy": None}
    async with connect(address, **options, max_queue=None) as socket:  # what nobody reads is not to hold up the end
        yield socket


async def frame_where(socket, wanted):
    """The next frame that is wanted; others pass by."""
    while True:
        for line in (await socket.recv()).split("\n"):
            if wanted(frame := json.loads(line)):
                return frame


async def ask(socket, number, op, **d):
    await socket.send(json.dumps({"id": number, "op": op, "d": d}))
    return await frame_where(socket, lambda frame: frame.get("id") == number)


async def close_code(socket):
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code


async def refused(suite, **credentials):
    try:
        async with raw_socket(suite, **credentials):
            return None
    except InvalidStatus as error:
        return error.response.status_code


async def test_without_credentials_there_is_no_socket(suite):
    assert await refused(suite) == 401
    assert await refused(suite, token="forged") == 401
    assert await refused(suite, ticket="forged") == 401


async def test_a_ticket_opens_one_socket(suite, ada, clients):
    ticket = (await (await clients.of(ada)).request("POST", "/v1/auth/realtime-ticket")).json()["ticket"]
    async with raw_socket(suite, ticket=ticket) as socket:
        assert (await ask(socket, 1, "hello"))["ok"]["resumed"] is True
    assert await refused(suite, ticket=ticket) == 401


async def test_hello_comes_first(suite, ada):
    async with raw_socket(suite, token=ada.access_token) as socket:
        assert (await ask(socket, 1, "typing", c="x"))["error"]["code"] == ErrorCode.CONFLICT


async def test_what_is_no_request_is_refused_and_the_socket_lives(suite, ada):
    async with raw_socket(suite, token=ada.access_token) as socket:
        await ask(socket, 1, "hello")
        await socket.send("{")
        error = (await frame_where(socket, lambda frame: "error" in frame))["error"]
        assert error["code"] == ErrorCode.VALIDATION_FAILED
        assert (await ask(socket, 2, "dance"))["error"]["code"] == ErrorCode.VALIDATION_FAILED
        assert "ok" in await ask(socket, 3, "ping")


async def test_nobody_writes_where_they_are_no_member(suite, ada, bob, carol, clients):
    conversation = await (await clients.of(ada)).converse(bob.user_id)
    async with raw_socket(suite, token=carol.access_token) as socket:
        await ask(socket, 1, "hello")
        send = {"c": conversation.id, "client_id": "01900000-0000-7000-8000-000000000009", "text": "let me in"}
        error = (await ask(socket, 2, "send", **send))["error"]
        assert (error["code"], error["retryable"]) == (ErrorCode.NOT_MEMBER, False)


async def test_who_talks_with_somebody_sees_whether_they_are_there(suite, ada, bob, carol, clients):
    await (await clients.of(ada)).converse(bob.user_id)
    async with raw_socket(suite, token=bob.access_token) as theirs, raw_socket(suite, token=ada.access_token) as mine:
        await ask(theirs, 1, "hello")
        await ask(mine, 1, "hello")
        assert "ok" in await ask(theirs, 2, "presence", state="online")
        seen = (await ask(mine, 2, "presence", of=[bob.user_id, carol.user_id]))["ok"]["presence"]
    assert seen[bob.user_id]["state"] == "online"
    assert carol.user_id not in seen


async def test_signing_out_closes_the_session_s_sockets_with_4003(suite, stranger, clients):
    client = await clients.of(stranger)
    async with raw_socket(suite, token=stranger.access_token) as socket:
        await ask(socket, 1, "hello")
        await client.sign_out()
        assert await close_code(socket) == CloseCode.SESSION_REVOKED
    async with raw_socket(suite, token=stranger.access_token) as socket:
        assert await close_code(socket) == CloseCode.SESSION_REVOKED


async def test_expired_credentials_close_with_4001_and_a_client_refreshes_them(suite, short_lived, clients):
    expired = short_lived.access_token
    async with raw_socket(suite, token=expired) as socket:
        await ask(socket, 1, "hello")
        assert await close_code(socket) == CloseCode.CREDENTIALS_EXPIRED
    async with raw_socket(suite, token=expired) as socket:
        assert await close_code(socket) == CloseCode.CREDENTIALS_EXPIRED
    client = await clients.of(short_lived)
    async with Session(client, Listener()) as session:
        await session.live()
    assert client.tokens.access_token != expired


async def test_positions_that_no_log_reaches_close_with_4010(suite, ada, bob, clients):
    conversation = await (await clients.of(ada)).converse(bob.user_id)
    async with raw_socket(suite, token=ada.access_token) as socket:
        await socket.send(json.dumps({"id": 1, "op": "hello", "d": {"positions": {conversation.id: 10**9}}}))
        assert await close_code(socket) == CloseCode.POSITIONS_UNKNOWN


async def test_too_many_requests_close_with_4029(suite, carol):
    async with raw_socket(suite, token=carol.access_token) as socket:
        await socket.send("\n".join(json.dumps({"id": n, "op": "ping"}) for n in range(2000)))
        assert await close_code(socket) == CloseCode.TOO_MANY


async def test_a_gateway_that_is_asked_to_end_drains_with_4000(suite, ada):
    async with raw_socket(suite, token=ada.access_token) as socket:
        await ask(socket, 1, "hello")
        asked = suite.signal("gateway", signal.SIGTERM)
        push = await frame_where(socket, lambda frame: frame.get("op") == "drain")
        assert push["d"]["retry_after_ms"] >= 0
        assert await close_code(socket) == CloseCode.DRAINING
    await suite.healed("gateway", asked)


async def test_a_killed_gateway_is_a_pause(suite, ada, bob, clients):
    async with meet((await clients.of(ada), ada), (await clients.of(bob), bob)) as meeting:
        killed = suite.signal("gateway")
        sending = asyncio.gather(*(speaker.say("while it is gone") for speaker in meeting.speakers))
        await suite.healed("gateway", killed)
        await sending
        await meeting.caught_up()
        assert meeting.same_and_dense
        assert [speaker.session.reconnects for speaker in meeting.speakers] == [1, 1]


async def test_a_client_that_was_away_is_told_what_it_missed(ada, bob, clients):
    of_ada, of_bob = await clients.of(ada), await clients.of(bob)
    conversation = await of_ada.converse(bob.user_id)
    for number in range(5):
        await of_bob.put_message(conversation.id, str(uuid4()), f"missed {number}")

    class Ear(Listener):
        seqs: list[int] = []

        def event(self, event) -> None:
            if event.c == conversation.id:
                self.seqs.append(event.seq)

    async with Session(of_ada, Ear(), {conversation.id: conversation.last_seq}):

        async def told() -> bool:
            return Ear.seqs == list(range(conversation.last_seq + 1, conversation.last_seq + 6))

        await eventually(told)
