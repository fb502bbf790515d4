"""What a conversation's stream sends to whom, without I/O."""

import time

import orjson
import pytest

from gateway_service.credentials.domain import Session
from gateway_service.sockets.domain import Socket
from gateway_service.topics.domain import Topic
from messenger_contracts.identity import Principal
from servicekit.fanout import live

C = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def topic() -> Topic:
    return Topic(C, "e1", 0, direct=False)


@pytest.fixture
def socket_of():
    """Makes sockets of people."""

    async def send(message: object) -> None:
        raise AssertionError(message)

    def make(name: str, *blocked: str) -> Socket:
        session = Session(Principal(user_id=name, username=name, session_id="s"), time.time() + 60)
        socket = Socket(name, session, send, queue_bytes=1000, rate=100)
        socket.relate({"blocked": blocked, "blocked_by": []})
        return socket

    return make


def event(kind: str, data: dict, **readers):
    told = {"c": C, "epoch": "e1", "seq": 5, "type": kind, "at": "-", "by": "cy", "data": data}
    return live(
        told, author="cy", target=3, readers={"hidden": [], "given": {}, "unseen": {}} | readers if readers else None
    )


def data_of(topic: Topic, socket: Socket, event) -> dict:
    return orjson.loads(topic.frame_for(socket, event))["d"]["data"]


def test_a_reaction_is_counted_for_each_without_those_whom_one_blocks(topic: Topic, socket_of) -> None:
    added = event("reaction.added", {"emoji": "👍", "user_id": "cy", "count": 3}, unseen={"ada": {"👍": 2}})
    counts = [data_of(topic, socket_of(name), added)["count"] for name in ("ada", "bob")]
    assert counts == [1, 3]
    assert data_of(topic, socket_of("ada", "dan"), added) == {"emoji": "👍", "user_id": "cy", "count": 1}


def test_a_message_comes_with_ones_own_reactions_and_without_those_whom_one_blocks(topic: Topic, socket_of) -> None:
    told = {"👍": {"count": 2, "mine": False}, "no": {"count": 1, "mine": False}}
    given, unseen = {"ada": ["👍"], "bob": ["👍", "no"]}, {"ada": {"👍": 1, "no": 1}}
    edited = event("message.edited", {"text": "hi", "reactions": told}, given=given, unseen=unseen)
    assert data_of(topic, socket_of("ada"), edited) == {"text": "hi", "reactions": {"👍": {"count": 1, "mine": True}}}
    assert data_of(topic, socket_of("bob"), edited)["reactions"] == {
        "👍": {"count": 2, "mine": True},
        "no": {"count": 1, "mine": True},
    }
    assert topic.frame_for(socket_of("eve"), edited) is edited.frame


def test_who_deleted_the_message_for_oneself_gets_a_skip(topic: Topic, socket_of) -> None:
    edited = event("message.edited", {"text": "hi", "reactions": {}}, hidden=["ada"])
    frames = [orjson.loads(topic.frame_for(socket_of(name), edited))["d"] for name in ("ada", "bob")]
    assert frames[0] == {"c": C, "epoch": "e1", "seq": 5, "to": 5, "type": "skip"}
    assert frames[1]["data"]["text"] == "hi"


def test_what_is_the_same_for_all_is_not_written_again(topic: Topic, socket_of) -> None:
    plain = event("message.edited", {"text": "hi", "reactions": {}})
    assert topic.frame_for(socket_of("ada"), plain) is plain.frame
    assert topic.frame_for(socket_of("ada", "bob"), plain) is plain.frame


def test_whom_a_block_keeps_apart_from_the_author_sees_no_files(topic: Topic, socket_of) -> None:
    """Who blocks the author gets a skip in a group; whom the author blocks reads the message, without its files."""
    files = [{"id": "f", "status": "ready", "blurhash": "LKO2"}]
    sent = event("message.created", {"text": "look", "media": files, "reactions": {}}, files=True)
    bob = socket_of("bob")
    bob.relate({"blocked": [], "blocked_by": ["cy"]})
    assert topic.frame_for(socket_of("ada"), sent) is sent.frame
    [file] = data_of(topic, bob, sent)["media"]
    assert (file["id"], file["status"], file["blurhash"]) == ("f", "hidden", None)
    assert orjson.loads(topic.frame_for(socket_of("dan", "cy"), sent))["d"]["type"] == "skip"
