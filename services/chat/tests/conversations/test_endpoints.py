"""Conversations, the log and read marks, over HTTP."""

import asyncio
from uuid import uuid4

import pytest


async def test_a_second_direct_conversation_is_the_first(people) -> None:
    ada, bob = await people("ada", "bob")
    first = await ada.begin(bob)
    again = await ada.begin(bob)
    mirrored = await bob.begin(ada)
    assert [first.status_code, again.status_code, mirrored.status_code] == [201, 200, 200]
    assert first.json()["id"] == again.json()["id"] == mirrored.json()["id"]
    assert first.json()["peer"] == bob.id
    assert mirrored.json()["peer"] == ada.id


async def test_both_at_once_begin_one_conversation(people) -> None:
    ada, bob = await people("ada", "bob")
    answers = await asyncio.gather(*(who.begin(peer) for who, peer in [(ada, bob), (bob, ada)] * 5))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "direct", "member_ids": []}, "/member_ids"),
        ({"kind": "direct", "member_ids": ["user-ada"]}, "/member_ids/0"),
        ({"kind": "direct", "member_ids": ["nobody"]}, "/member_ids/0"),
        ({"kind": "secret", "member_ids": ["user-bob"]}, "/kind"),
    ],
)
async def test_a_bad_beginning_is_refused(people, body, pointer) -> None:
    [ada] = await people("ada")
    answer = await ada.request("POST", "/v1/conversations", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await ada.get("/v1/conversations")).json()["items"] == []


async def test_the_list_shows_newest_activity_first_with_what_is_unread(people) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    with_bob = (await ada.begin(bob)).json()["id"]
    with_cleo = (await ada.begin(cleo)).json()["id"]
    await bob.send(with_bob, uuid4(), "one")
    await ada.send(with_bob, uuid4(), "two")
    page = await ada.get("/v1/conversations", limit=1)
    [newest] = page.json()["items"]
    assert (newest["id"], newest["unread"], newest["last_message"]["text"]) == (with_bob, 1, "two")
    rest = (await ada.get(page.links["next"]["url"])).json()
    assert [conversation["id"] for conversation in rest["items"]] == [with_cleo]
    assert rest["items"][0]["last_message"] is None
    assert rest["next"] is None


async def test_the_log_is_dense_and_the_same_for_both(talk) -> None:
    ada, bob, conversation = talk
    await asyncio.gather(*(who.send(conversation, uuid4()) for who in (ada, bob) * 5))
    path = f"/v1/conversations/{conversation}/events"
    [of_ada, of_bob] = [(await who.get(path)).json() for who in (ada, bob)]
    assert of_ada == of_bob
    assert [event["seq"] for event in of_ada["items"]] == list(range(1, 13))
    assert of_ada["last_seq"] == 12
    types = [event["type"] for event in of_ada["items"]]
    assert types == ["member.joined"] * 2 + ["message.created"] * 10
    assert of_ada["items"][2]["data"]["msg_no"] == 1
    rest = (await ada.get(path, after_seq=10, limit=1)).json()
    assert [event["seq"] for event in rest["items"]] == [11]
    assert (await ada.get(path, after_seq=12)).json()["items"] == []


async def test_a_read_mark_moves_forward_only_and_unread_follows(talk) -> None:
    ada, bob, conversation = talk
    for who in (ada, ada, bob, ada):
        await who.send(conversation, uuid4())
    path = f"/v1/conversations/{conversation}/read"

    async def mark(seq: int) -> tuple[int, int]:
        answer = (await bob.request("PUT", path, json={"seq": seq})).json()
        return answer["read_seq"], answer["unread"]

    assert (await bob.get(f"/v1/conversations/{conversation}")).json()["unread"] == 3
    assert await mark(3) == (3, 2)
    assert await mark(6) == (6, 0)
    assert await mark(4) == (6, 0)
    assert (await bob.get(f"/v1/conversations/{conversation}")).json()["unread"] == 0


async def test_nobody_reads_further_than_the_log(people) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    conversation = (await ada.begin(bob)).json()["id"]
    path = f"/v1/conversations/{conversation}/read"
    too_far = await ada.request("PUT", path, json={"seq": 9})
    assert (too_far.status_code, too_far.json()["errors"][0]["pointer"]) == (422, "/seq")
    foreign = await eve.request("PUT", path, json={"seq": 1})
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_member")
