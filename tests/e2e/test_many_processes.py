"""Two gateways and two chats on one database and one Valkey: nobody can tell through which they speak."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.social_graph import UserBlocked
from messenger_contracts.realtime import SUBPROTOCOL, CloseCode
from messengerctl.client import Listener, Session
from messengerctl.suite import until
from servicekit.testing import REGION

WITHIN = 1.0
"""Seconds in which what changes for a person is to be so on every socket."""


@pytest.fixture
def mortal(beside):
    """A gateway for one test alone: its address, and its process."""
    with beside("gateway") as own:
        yield own


@pytest.fixture
def silent(beside):
    """The address of a gateway, before a chat that publishes into the void."""
    into_the_void = {"CHAT_VALKEY_URL": "redis://127.0.0.1:1/0"}
    with beside("chat", **into_the_void) as (chat, _), beside("gateway", GATEWAY_CHAT_URL=chat) as (gateway, _):
        yield gateway


class Ear(Listener):
    """Hears the events of one conversation."""

    def __init__(self, conversation: str) -> None:
        self.conversation = conversation
        self.heard: list[tuple[int, str, str]] = []

    def event(self, event) -> None:
        if event.c == self.conversation:
            self.heard.append((event.seq, event.type, str(event.data.get("client_id"))))


class Raw:
    """A socket without the manners of a client: each frame is looked at once, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._frames: list[dict] = []

    async def hello(self, positions: dict[str, int]) -> None:
        await self._socket.send(json.dumps({"id": 1, "op": "hello", "d": {"positions": positions}}))
        while (await self._next()).get("id") != 1:
            pass

    async def event(self, conversation: str, seconds: float = 20.0) -> dict:
        """The next event of a conversation."""
        async with asyncio.timeout(seconds):
            while (frame := await self._next()).get("op") != "event" or frame["d"]["c"] != conversation:
                pass
        return frame["d"]

    async def _next(self) -> dict:
        while not self._frames:
            self._frames = [json.loads(line) for line in (await self._socket.recv()).split("\n")]
        return self._frames.pop(0)


@asynccontextmanager
async def socket_of(gateway: str, person, positions: dict[str, int]):
    """A socket that has said hello."""
    url, headers = gateway.replace("http", "ws", 1), {"Authorization": f"Bearer {person.access_token}"}
    async with connect(
        f"{url}/v1/realtime", subprotocols=[SUBPROTOCOL], additional_headers=headers, proxy=None
    ) as socket:
        raw = Raw(socket)
        await raw.hello(positions)
        yield raw


async def test_sends_through_either_are_one_dense_order_for_everybody(suite, elsewhere, ada, bob, clients) -> None:
    people = [ada, bob, ada.model_copy(update={"gateway": elsewhere}), bob.model_copy(update={"gateway": elsewhere})]
    each = [await clients.of(person) for person in people]
    conversation = await each[0].converse(bob.user_id)
    begin = {conversation.id: conversation.last_seq}
    ears = [Ear(conversation.id) for _ in each]
    sessions = [Session(client, ear, begin) for client, ear in zip(each, ears, strict=True)]
    async with sessions[0], sessions[1], sessions[2], sessions[3]:
        await asyncio.gather(*(session.live() for session in sessions))
        await asyncio.gather(*(session.send(conversation.id, str(n)) for session in sessions for n in range(25)))
        end = conversation.last_seq + 100
        await until(lambda: all(ear.heard and ear.heard[-1][0] >= end for ear in ears), "not everybody heard all")
    assert ears[0].heard == ears[1].heard == ears[2].heard == ears[3].heard
    assert [seq for seq, *_ in ears[0].heard] == list(range(conversation.last_seq + 1, end + 1))


async def test_the_clients_of_a_killed_gateway_go_on_at_the_other(mortal, ada, bob, clients) -> None:
    elsewhere, process = mortal
    here, there = await clients.of(ada), await clients.of(ada.model_copy(update={"gateway": elsewhere}))
    other = await clients.of(bob)
    conversation = await here.converse(bob.user_id)
    ear = Ear(conversation.id)
    async with Session(there, ear, {conversation.id: conversation.last_seq}) as session:
        await session.live()
        sent = [await other.put_message(conversation.id, str(uuid4()), "before")]
        sending = asyncio.create_task(_many(other, conversation.id, 30))
        await until(lambda: len(ear.heard) > 3, "nothing was heard")
        process.kill()
        sent += await sending
        positions = dict(session.positions)
    async with Session(here, ear, positions) as session:
        await session.live()
        await until(lambda: ear.heard[-1][0] >= sent[-1].seq, "not all was heard")
    assert [seq for seq, *_ in ear.heard] == [message.seq for message in sent]


async def _many(client, conversation: str, count: int) -> list:
    return [await client.put_message(conversation, str(uuid4()), str(n)) for n in range(count)]


async def test_joining_leaving_and_the_end_of_a_session_reach_both(suite, elsewhere, ada, stranger, clients) -> None:
    mine, theirs = await clients.of(ada), await clients.of(stranger)
    group = await mine.create_group("both", [])
    path = f"/v1/conversations/{group.id}/members/{stranger.user_id}"
    async with socket_of(suite.gateway, stranger, {}) as one, socket_of(elsewhere, stranger, {}) as two:
        await mine.request("PUT", path, json={})
        for socket in (one, two):
            while (event := await socket.event(group.id, WITHIN))["type"] != "member.joined":
                assert event["type"] == "skip"
            assert event["data"]["user_id"] == stranger.user_id
        await mine.request("DELETE", path)
        for socket in (one, two):
            assert (await socket.event(group.id, WITHIN))["type"] == "member.left"
        await mine.put_message(group.id, str(uuid4()), "among us")
        await theirs.sign_out()
        for socket in (one, two):
            with pytest.raises(ConnectionClosed) as closed:
                await socket.event(group.id, WITHIN)
            assert closed.value.rcvd.code == CloseCode.SESSION_REVOKED


async def test_a_block_holds_on_the_sockets_of_both_within_a_second(
    suite, elsewhere, ada, bob, stranger, clients
) -> None:
    mine, others = await clients.of(ada), await clients.of(stranger)
    group = await mine.create_group("both", [bob.user_id, stranger.user_id])
    at = {group.id: group.last_seq}
    async with socket_of(suite.gateway, bob, at) as one, socket_of(elsewhere, bob, at) as two:
        _block(suite, bob, stranger)
        loop = asyncio.get_running_loop()
        begun, skipped = loop.time(), 0
        while skipped < 3:
            await others.put_message(group.id, str(uuid4()), "hello?")
            seen = [(await socket.event(group.id))["type"] for socket in (one, two)]
            skipped = skipped + 1 if seen == ["skip", "skip"] else 0
            assert skipped or loop.time() - begun < WITHIN, seen


def _block(suite, person, other) -> None:
    """Publish a block, as social-graph does."""
    event = Event[UserBlocked](
        id=str(uuid4()),
        source="social-graph",
        type=UserBlocked.TYPE,
        time=datetime.now(UTC),
        subject=person.user_id,
        dataschema=schema_uri(UserBlocked.TYPE),
        data=UserBlocked(user_id=person.user_id, blocked_id=other.user_id, version=1),
    )
    topic = f"arn:aws:sns:{REGION}:{suite.state.resources['account_id']}:{suite.resource('social-graph', 'events')}"
    attributes = {"type": {"DataType": "String", "StringValue": UserBlocked.TYPE}}
    suite.aws("sns").publish(TopicArn=topic, Message=event.model_dump_json(), MessageAttributes=attributes)


async def test_what_no_gateway_is_told_reaches_the_sockets_all_the_same(suite, silent, ada, bob, clients) -> None:
    """Sends, joins and edits are found by comparing."""
    client = await clients.of(ada.model_copy(update={"gateway": silent}))
    async with socket_of(suite.gateway, bob, {}) as socket:
        group = await client.create_group("silent", [bob.user_id])
        joined = [await socket.event(group.id) for _ in range(group.last_seq)]
        assert {event["type"] for event in joined} == {"member.joined"}
        message = await client.put_message(group.id, str(uuid4()), "can you hear me?")
        path = f"/v1/conversations/{group.id}/messages/{message.id}"
        await client.request("PATCH", path, json={"text": "you can"})
        heard = [await socket.event(group.id) for _ in range(2)]
        assert [event["type"] for event in heard] == ["message.created", "message.edited"]
        assert heard[1]["data"]["text"] == "you can"
        await client.request("DELETE", f"/v1/conversations/{group.id}/members/{bob.user_id}")
        assert (await socket.event(group.id))["type"] == "member.left"
