"""A message that is no more, for everybody or for one."""

import asyncio
from uuid import uuid4

import pytest


def path_of(message: dict) -> str:
    return f"/v1/conversations/{message['conversation_id']}/messages/{message['id']}"


async def delete(who, message: dict, whose: str | None = None):
    return await who.request("DELETE", path_of(message), params={"for": whose} if whose else None)


async def history_of(who, conversation: str) -> list[dict]:
    return (await who.get(f"/v1/conversations/{conversation}/messages")).json()["items"]


async def test_a_tombstone_stays_in_its_place_without_content(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "a secret", mentions=[bob.id])
    await bob.request("PUT", f"{path_of(message)}/reactions/👍")
    assert (await delete(ada, message)).status_code == 204
    [shown] = await history_of(bob, c)
    assert (shown["id"], shown["seq"], shown["text"], shown["mentions"]) == (message["id"], message["seq"], None, [])
    assert (shown["reactions"], shown["deleted_at"] is not None) == ({}, True)
    events = await bob.events(c, message["seq"] - 1)
    assert [event["type"] for event in events] == ["message.created", "reaction.added", "message.deleted"]
    assert events[2]["data"] == {**shown, "everywhere": True, "reason": None}
    assert "a secret" not in str(events)
    summary = (await bob.get(f"/v1/conversations/{c}")).json()
    assert (summary["unread"], summary["mentions"], summary["last_message"]) == (0, 0, None)


async def test_deleting_again_changes_nothing(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c)
    answers = await asyncio.gather(*(delete(ada, message) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [204] * 5
    assert [event["type"] for event in await bob.events(c, message["seq"])] == ["message.deleted"]


async def test_a_replayed_send_does_not_bring_it_back(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "hi")
    await delete(ada, message)
    assert (await ada.send(c, message["client_id"], "hi")).status_code == 200
    assert [each["text"] for each in await history_of(bob, c)] == [None]


async def test_in_a_direct_conversation_each_deletes_ones_own(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c)
    refused = await delete(bob, message)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert [each["text"] for each in await history_of(ada, c)] == ["hi"]


@pytest.mark.parametrize(("role", "status"), [("owner", 204), ("admin", 204), ("member", 403)])
async def test_in_a_group_those_delete_anybodys_who_look_after_it(people, group_of, sql, role, status) -> None:
    ada, bob, cy = await people("ada", "bob", "cy")
    c = await group_of(ada, bob, cy)
    await sql("UPDATE members SET role = $1 WHERE user_id = $2", role, bob.id)
    message = await cy.say(c)
    assert (await delete(bob, message)).status_code == status


async def test_a_version_that_is_gone_is_not_deleted(talk) -> None:
    ada, _, c = talk
    message = await ada.say(c)
    headers = {**ada.headers, "If-Match": '"1"'}
    refused = await ada.client.delete(path_of(message), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert (await ada.get(path_of(message))).json()["text"] == "hi"


async def test_who_deletes_for_himself_alone_never_sees_it_again(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "a secret")
    assert (await delete(bob, message, "me")).status_code == 204
    assert (await delete(bob, message, "me")).status_code == 204
    assert await history_of(bob, c) == []
    assert (await bob.get(path_of(message))).json()["code"] == "not_found"
    assert (await bob.get(f"/v1/conversations/{c}")).json()["unread"] == 0
    created, deleted = await bob.events(c, message["seq"] - 1)
    assert (created["type"], deleted["type"], deleted["data"]["everywhere"]) == ("skip", "message.deleted", False)
    assert deleted["data"]["id"] == message["id"]
    assert "a secret" not in str([created, deleted])


async def test_the_others_do_not_hear_of_what_one_deletes_for_oneself(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c)
    await delete(bob, message, "me")
    await ada.say(c, "next")
    seen = [(event["type"], event["seq"]) for event in await ada.events(c, message["seq"])]
    assert seen == [("skip", 4), ("message.created", 5)]
    assert [each["text"] for each in await history_of(ada, c)] == ["next", "hi"]


async def test_what_is_gone_for_oneself_cannot_be_answered_by_oneself(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c)
    assert (await delete(bob, message, "me")).status_code == 204
    answers = [await who.send(c, uuid4(), "so?", reply_to=message["id"]) for who in (ada, bob)]
    assert [answer.status_code for answer in answers] == [201, 422]
    assert answers[1].json()["errors"][0]["pointer"] == "/reply_to"


async def test_what_others_do_to_it_later_is_hidden_too(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c)
    await delete(bob, message, "me")
    await ada.request("PATCH", path_of(message), json={"text": "changed"})
    await ada.request("PUT", f"{path_of(message)}/reactions/👍")
    await delete(ada, message)
    shown = await bob.events(c, 4)
    assert [(event["type"], event["seq"], event["to"]) for event in shown] == [("skip", 5, 7)]


async def test_a_tombstone_can_be_put_out_of_sight(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c)
    await delete(ada, message)
    assert (await delete(bob, message, "me")).status_code == 204
    assert await history_of(bob, c) == []


async def test_where_a_block_stands_between_two_one_can_still_delete(talk, sql) -> None:
    ada, bob, c = talk
    message = await ada.say(c)
    await sql("UPDATE conversations SET closed_by = ARRAY[$1] WHERE id = $2", bob.id, c)
    assert (await delete(ada, message)).status_code == 204
    assert [each["text"] for each in await history_of(bob, c)] == [None]


async def test_who_is_not_there_finds_nothing_to_delete(talk, people) -> None:
    ada, _, c = talk
    [eve] = await people("eve")
    message = await ada.say(c)
    assert (await delete(eve, message)).json()["code"] == "not_member"
    assert (await delete(ada, {**message, "id": str(uuid4())})).json()["code"] == "not_found"
    assert (await delete(ada, message, "nobody")).json()["errors"][0]["pointer"] == "query/for"


async def test_what_was_said_before_one_could_read_cannot_be_touched(people, group_of, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    message = await ada.say(c)
    await sql("UPDATE members SET visible_from = 4, role = 'admin' WHERE user_id = $1", bob.id)
    for whose in ("everyone", "me"):
        assert (await delete(bob, message, whose)).json()["code"] == "not_found"
