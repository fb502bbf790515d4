"""A message that says something else."""

import asyncio
import json
from uuid import uuid4

import pytest


def path_of(message: dict) -> str:
    return f"/v1/conversations/{message['conversation_id']}/messages/{message['id']}"


async def edit(who, message: dict, text: str, if_match: str | None = None, **more):
    headers = {**who.headers, **({"If-Match": if_match} if if_match else {})}
    return await who.client.patch(path_of(message), json={"text": text, **more}, headers=headers)


async def test_an_edit_is_shown_to_everybody_and_is_an_event(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "helo")
    edited = await edit(ada, message, "hello")
    assert edited.status_code == 200
    shown = (await bob.get(path_of(message))).json()
    assert shown == edited.json()
    assert (shown["text"], shown["seq"], shown["msg_no"]) == ("hello", message["seq"], message["msg_no"])
    assert shown["edited_at"] >= message["created_at"]
    [event] = await bob.events(c, message["seq"])
    assert (event["type"], event["seq"], event["by"], event["data"]) == ("message.edited", 4, ada.id, shown)


async def test_an_edit_may_demand_what_the_send_was_answered(talk) -> None:
    ada, _, c = talk
    sent = await ada.send(c, uuid4(), "helo")
    assert sent.headers["etag"] == (await ada.get(path_of(sent.json()))).headers["etag"]
    assert (await edit(ada, sent.json(), "hello", sent.headers["etag"])).status_code == 200
    assert (await edit(ada, sent.json(), "hell", sent.headers["etag"])).json()["code"] == "precondition_failed"


async def test_an_edit_by_a_clock_that_lags_is_a_version_of_its_own(talk, sql) -> None:
    ada, _, c = talk
    message = await ada.say(c, "helo")
    await sql("UPDATE messages SET created_at = now() + interval '1 hour' WHERE id = $1::text::uuid", message["id"])
    before = (await ada.get(path_of(message))).headers["etag"]
    assert (await edit(ada, message, "hello", before)).headers["etag"] != before
    assert (await edit(ada, message, "hell", before)).json()["code"] == "precondition_failed"


async def test_a_replay_of_the_log_shows_the_message_as_it_is_now(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "a secret")
    await edit(ada, message, "nothing")
    assert [event["data"]["text"] for event in await bob.events(c, 2)] == ["nothing", "nothing"]


async def test_saying_the_same_again_changes_nothing(talk) -> None:
    ada, _, c = talk
    message = await ada.say(c, "hi")
    same = await edit(ada, message, "hi")
    assert (same.status_code, same.json()["edited_at"]) == (200, None)
    assert await ada.events(c, message["seq"]) == []


async def test_what_it_said_before_can_be_read_page_by_page(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "one", mentions=[bob.id])
    await edit(ada, message, "two", mentions=[])
    third = (await edit(ada, message, "three")).json()
    seen, link = [], f"{path_of(message)}/edits?limit=1"
    while link:
        page = await bob.get(link)
        seen += page.json()["items"]
        link = page.links.get("next", {}).get("url")
    assert [(each["version"], each["text"], each["mentions"]) for each in seen] == [
        (1, "one", [bob.id]),
        (2, "two", []),
    ]
    assert seen[1]["until"] == third["edited_at"]


async def test_nobody_else_can_edit_a_message(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "hi")
    refused = await edit(bob, message, "bye")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await ada.get(path_of(message))).json()["text"] == "hi"


async def test_who_is_not_there_cannot_even_find_it(talk, people) -> None:
    ada, _, c = talk
    [eve] = await people("eve")
    message = await ada.say(c)
    assert (await edit(eve, message, "bye")).json()["code"] == "not_member"
    for missing in (str(uuid4()), "seven", "0" * 32):
        answer = await edit(ada, {**message, "id": missing}, "bye")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_edit_of_a_version_that_is_gone_is_refused(talk) -> None:
    ada, _, c = talk
    message = await ada.say(c, "one")
    read = (await ada.get(path_of(message))).headers["etag"]
    two = await edit(ada, message, "two", if_match=read)
    lost = await edit(ada, message, "three", if_match=read)
    assert (two.status_code, lost.status_code, lost.json()["code"]) == (200, 412, "precondition_failed")
    assert (await edit(ada, message, "three", if_match=two.headers["etag"])).status_code == 200


async def test_of_many_edits_of_one_version_one_is_taken(talk) -> None:
    ada, _, c = talk
    message = await ada.say(c, "one")
    read = (await ada.get(path_of(message))).headers["etag"]
    answers = await asyncio.gather(*(edit(ada, message, f"v{n}", if_match=read) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_two_edits_within_a_millisecond_are_two_versions(talk, sql) -> None:
    ada, _, c = talk
    message = await ada.say(c, "one")
    first = await edit(ada, message, "two")
    await sql("UPDATE messages SET edited_at = edited_at + interval '1 hour' WHERE id = $1", message["id"])
    later = await edit(ada, message, "three")
    again = await edit(ada, message, "four")
    assert len({answer.headers["etag"] for answer in (first, later, again)}) == 3
    assert first.json()["edited_at"] < later.json()["edited_at"] < again.json()["edited_at"]


async def test_a_reaction_leaves_the_version_as_it_is(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "one")
    read = (await ada.get(path_of(message))).headers["etag"]
    await bob.request("PUT", f"{path_of(message)}/reactions/👍")
    assert (await edit(ada, message, "two", if_match=read)).status_code == 200


async def mentions_of(who, c: str) -> int:
    return (await who.get(f"/v1/conversations/{c}")).json()["mentions"]


async def test_who_is_mentioned_follows_the_edits(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "hi")
    assert await mentions_of(bob, c) == 0
    assert (await edit(ada, message, "hi @bob", mentions=[bob.id, bob.id])).json()["mentions"] == [bob.id]
    assert await mentions_of(bob, c) == 1
    assert (await edit(ada, message, "hi, @bob")).json()["mentions"] == [bob.id]
    assert await mentions_of(bob, c) == 1
    assert (await edit(ada, message, "hi", mentions=[])).json()["mentions"] == []
    assert await mentions_of(bob, c) == 0


async def test_only_members_can_be_mentioned(talk) -> None:
    ada, bob, c = talk
    message = await ada.say(c)
    answer = await edit(ada, message, "hi", mentions=[bob.id, "user-eve"])
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, ["/mentions/1"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/text"),
        ({"text": " "}, "/text"),
        ({"text": "a\x00"}, "/text"),
        ({"text": "\ud800"}, "/text"),
        ({"text": "x" * (16 * 1024 + 1)}, "/text"),
        ({"text": "hi", "mentions": ["a\x00"]}, "/mentions/0"),
        ({"text": "hi", "media_ids": []}, "/media_ids"),
    ],
)
async def test_a_bad_edit_is_refused(talk, body, pointer) -> None:
    ada, _, c = talk
    message = await ada.say(c)
    headers = {**ada.headers, "Content-Type": "application/json"}
    answer = await ada.client.patch(path_of(message), content=json.dumps(body), headers=headers)
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, [pointer])


async def test_what_is_deleted_or_over_can_neither_be_edited_nor_its_past_be_read(talk, sql) -> None:
    ada, _, c = talk
    deleted, over = await ada.say(c), await ada.say(c, expires_in=3600)
    for message in (deleted, over):
        await edit(ada, message, "changed")
    await ada.request("DELETE", path_of(deleted))
    await sql("UPDATE messages SET expires_at = now() WHERE id = $1", over["id"])
    for message in (deleted, over):
        assert (await edit(ada, message, "again")).json()["code"] == "not_found"
        assert (await ada.get(f"{path_of(message)}/edits")).json()["code"] == "not_found"


async def test_where_a_block_stands_between_two_nothing_is_edited(talk, sql) -> None:
    ada, bob, c = talk
    message, other = await ada.say(c), await bob.say(c)
    await sql("UPDATE conversations SET closed_by = ARRAY[$1] WHERE id = $2", bob.id, c)
    for who, mine in ((ada, message), (bob, other)):
        assert (await edit(who, mine, "again")).status_code == 403
