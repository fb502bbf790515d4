"""Sending and history, over HTTP."""

import asyncio
from uuid import uuid4

import pytest


async def conversation_of(one, other) -> str:
    return (await one.begin(other)).json()["id"]


async def test_a_send_is_acknowledged_with_its_place_in_the_log(people) -> None:
    ada, bob = await people("ada", "bob")
    conversation, client_id = await conversation_of(ada, bob), uuid4()
    answer = await ada.send(conversation, client_id, "hello")
    assert answer.status_code == 201
    message = answer.json()
    assert (message["seq"], message["msg_no"], message["by"], message["text"]) == (3, 1, ada.id, "hello")
    assert message["client_id"] == str(client_id)
    assert message["reply_to"] is None
    assert message["media"] == []


async def test_a_replay_answers_200_with_the_same_body(people) -> None:
    ada, bob = await people("ada", "bob")
    conversation, client_id = await conversation_of(ada, bob), uuid4()
    first = await ada.send(conversation, client_id)
    again = await ada.send(conversation, client_id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


async def test_another_body_under_the_same_id_is_refused(people) -> None:
    ada, bob = await people("ada", "bob")
    conversation, client_id = await conversation_of(ada, bob), uuid4()
    await ada.send(conversation, client_id, "one")
    answer = await ada.send(conversation, client_id, "two")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    history = (await ada.get(f"/v1/conversations/{conversation}/messages")).json()["items"]
    assert [message["text"] for message in history] == ["one"]


async def test_two_people_may_use_the_same_id(people) -> None:
    ada, bob = await people("ada", "bob")
    conversation, client_id = await conversation_of(ada, bob), uuid4()
    answers = [await ada.send(conversation, client_id), await bob.send(conversation, client_id)]
    assert [answer.status_code for answer in answers] == [201, 201]


async def test_concurrent_sends_get_dense_places(people) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await conversation_of(ada, bob)
    answers = await asyncio.gather(*(who.send(conversation, uuid4(), f"{n}") for n in range(40) for who in (ada, bob)))
    assert sorted(answer.json()["seq"] for answer in answers) == list(range(3, 83))
    assert sorted(answer.json()["msg_no"] for answer in answers) == list(range(1, 81))


async def test_the_same_send_many_times_at_once_makes_one_message(people) -> None:
    ada, bob = await people("ada", "bob")
    conversation, client_id = await conversation_of(ada, bob), uuid4()
    answers = await asyncio.gather(*(ada.send(conversation, client_id) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_stranger_is_told_that_there_is_no_such_conversation(people) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    conversation = await conversation_of(ada, bob)
    for answer in (
        await eve.send(conversation, uuid4()),
        await eve.send(str(uuid4()), uuid4()),
        await eve.send("no-id", uuid4()),
        await eve.get(f"/v1/conversations/{conversation}/messages"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_member")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/text"),
        ({"text": ""}, "/text"),
        ({"text": " \n "}, "/text"),
        ({"text": "a\x00b"}, "/text"),
        ({"text": "x" * (16 * 1024 + 1)}, "/text"),
        ({"text": "é" * (8 * 1024 + 1)}, "/text"),
        ({"text": 7}, "/text"),
        ({"text": "hi", "colour": "red"}, "/colour"),
    ],
)
async def test_a_bad_body_is_refused_and_changes_nothing(people, body, pointer) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await conversation_of(ada, bob)
    answer = await ada.request("PUT", f"/v1/conversations/{conversation}/messages/{uuid4()}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await ada.get(f"/v1/conversations/{conversation}")).json()["last_msg_no"] == 0


async def test_a_client_id_that_is_no_uuid_is_refused(people) -> None:
    ada, bob = await people("ada", "bob")
    answer = await ada.send(await conversation_of(ada, bob), "seven")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "path/message_id")


async def test_history_pages_from_the_newest_and_from_a_position(people) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await conversation_of(ada, bob)
    for n in range(5):
        await ada.send(conversation, uuid4(), str(n))
    path = f"/v1/conversations/{conversation}/messages"

    seen, link = [], f"{path}?limit=2"
    while link:
        page = await bob.get(link)
        seen += [message["text"] for message in page.json()["items"]]
        link = page.links.get("next", {}).get("url")
    assert seen == ["4", "3", "2", "1", "0"]

    older = (await bob.get(path, before_seq=5)).json()
    assert [message["text"] for message in older["items"]] == ["1", "0"]
    newer = (await bob.get(path, after_seq=5, limit=1)).json()
    assert [message["text"] for message in newer["items"]] == ["3"]
    rest = (await bob.get(path, cursor=newer["next"])).json()
    assert [message["text"] for message in rest["items"]] == ["4"]
    assert rest["next"] is None


async def test_a_cursor_of_another_reader_or_list_is_refused(people) -> None:
    ada, bob = await people("ada", "bob")
    conversation = await conversation_of(ada, bob)
    for n in range(3):
        await ada.send(conversation, uuid4(), str(n))
    path = f"/v1/conversations/{conversation}/messages"
    cursor = (await ada.get(path, limit=1)).json()["next"]
    for forged in (await bob.get(path, cursor=cursor), await ada.get("/v1/conversations", cursor=cursor)):
        assert (forged.status_code, forged.json()["code"]) == (422, "validation_failed")
    garbled = await ada.get(path, cursor="v4.local.nonsense")
    assert garbled.json()["errors"][0]["pointer"] == "query/cursor"


async def test_one_message_can_be_read_by_members_alone(people) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    conversation = await conversation_of(ada, bob)
    message = (await ada.send(conversation, uuid4())).json()
    path = f"/v1/conversations/{conversation}/messages/{message['id']}"
    assert (await bob.get(path)).json() == message
    assert (await eve.get(path)).json()["code"] == "not_member"
    missing = await bob.get(f"/v1/conversations/{conversation}/messages/{uuid4()}")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_without_a_signed_identity_nothing_is_answered(client) -> None:
    answer = await client.get("/v1/conversations")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    forged = {"x-messenger-identity": "v4.public.x"}
    answer = await client.put(f"/v1/conversations/x/messages/{uuid4()}", headers=forged)
    assert answer.status_code == 401
