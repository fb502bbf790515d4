"""Messages with files: they carry what is their sender's own, and hold up nobody else's."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from messenger_contracts.identity import service
from messenger_contracts.shapes import format_timestamp


@pytest.fixture
async def run(client, callers):
    """Runs commands as a gateway does."""
    headers = await callers.headers(service("gateway"))

    async def ask(*commands: dict) -> list[dict]:
        answer = await client.post("/internal/commands", json={"commands": commands}, headers=headers)
        assert answer.status_code == 200, answer.text
        return [{name: value for name, value in each.items() if value is not None} for each in answer.json()["results"]]

    return ask


def sends(who, c: str, *media_ids: str, text: str = "hi", **more) -> dict:
    actor = {"user_id": who.id, "username": who.name}
    body = {"text": text} | ({"media_ids": list(media_ids)} if media_ids else {}) | more
    return {"op": "send", "actor": actor, "conversation_id": c, "client_id": str(uuid4()), "body": body}


async def test_many_messages_with_files_are_one_question(talk, run, library) -> None:
    ada, bob, c = talk
    mine, theirs = library.add(ada), library.add(bob)

    results = await run(sends(ada, c, mine), sends(bob, c, theirs), sends(ada, c, mine))

    [asked] = library.asked
    assert [(each.user_id, each.media_ids) for each in asked.questions] == [
        (ada.id, [mine]),
        (bob.id, [theirs]),
        (ada.id, [mine]),
    ]
    assert [each["sent"]["media"] for each in results] == [[library.described(each)] for each in (mine, theirs, mine)]


@pytest.mark.parametrize("wrong", ["others", "nobodys", "rejected"])
async def test_what_the_sender_may_not_send_is_refused_alone(talk, run, library, wrong) -> None:
    ada, bob, c = talk
    mine = library.add(ada)
    other = {"others": library.add(bob), "nobodys": str(uuid4()), "rejected": library.add(ada, "rejected")}[wrong]

    good, bad, plain = await run(sends(ada, c, mine), sends(ada, c, mine, other), sends(ada, c))

    assert bad["error"]["code"] == "validation_failed"
    assert [each["pointer"] for each in bad["error"]["errors"]] == ["/media_ids/1"]
    assert {good["sent"]["seq"], plain["sent"]["seq"]} == {3, 4}
    assert "media" not in plain["sent"]


async def test_a_refusal_by_put_names_the_file(talk, library) -> None:
    ada, bob, c = talk
    answer = await ada.send(c, uuid4(), media_ids=[library.add(ada), library.add(bob)])
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == "/media_ids/1"
    assert len(await ada.events(c)) == 2


async def test_while_media_is_away_only_messages_with_files_wait(talk, run, library) -> None:
    ada, _, c = talk
    mine = library.add(ada)
    library.away = True

    carrying, plain = await run(sends(ada, c, mine), sends(ada, c))
    by_put = await ada.send(c, uuid4(), media_ids=[mine])

    assert carrying["error"]["code"] == "dependency_unavailable"
    assert plain["sent"]["seq"] == 3
    assert (by_put.status_code, by_put.json()["retryable"]) == (503, True)
    assert "retry-after" in by_put.headers


async def test_a_plain_message_does_not_wait_for_media(talk, library) -> None:
    ada, _, c = talk
    mine = library.add(ada)
    library.answering.clear()

    carrying = asyncio.create_task(ada.send(c, uuid4(), media_ids=[mine]))
    plain = await ada.send(c, uuid4())
    assert (plain.status_code, plain.json()["seq"], carrying.done()) == (201, 3, False)
    library.answering.set()

    assert (await carrying).json()["seq"] == 4


async def test_a_message_that_was_sent_stays_sent(talk, library) -> None:
    """Whatever has become of its files, and whether or not media answers."""
    ada, _, c = talk
    mine, client_id = library.add(ada), uuid4()
    first = await ada.send(c, client_id, media_ids=[mine])
    library.remove(mine)
    gone = await ada.send(c, client_id, media_ids=[mine])
    library.away = True
    away = await ada.send(c, client_id, media_ids=[mine])

    assert (first.status_code, gone.status_code, away.status_code) == (201, 200, 200)
    assert {first.json()["seq"], gone.json()["seq"], away.json()["seq"]} == {3}
    assert {each.json()["media"][0]["status"] for each in (gone, away)} == {"unknown"}


async def test_who_is_not_a_member_learns_nothing_of_files(people, talk, library) -> None:
    [eve] = await people("eve")
    answer = await eve.send(talk[2], uuid4(), media_ids=[str(uuid4())])
    assert (answer.status_code, answer.json()["code"]) == (404, "not_member")


async def test_a_message_for_later_is_refused_now(talk, library) -> None:
    ada, bob, c = talk
    later = format_timestamp(datetime.now(UTC) + timedelta(hours=1))
    refused = await ada.send(c, uuid4(), media_ids=[library.add(bob)], send_at=later)
    kept = await ada.send(c, uuid4(), media_ids=[library.add(ada)], send_at=later)
    library.away = True
    hoped = await ada.send(c, uuid4(), media_ids=[library.add(ada)], send_at=later)
    assert (refused.status_code, kept.status_code, hoped.status_code) == (422, 202, 202)


async def test_old_rows_say_no_more_than_ids(talk, library, sql) -> None:
    """Messages of before had all members of a description in their row, as it was when they were sent."""
    ada, bob, c = talk
    mine = library.add(ada)
    await ada.say(c, media_ids=[mine])
    [stored] = await sql("SELECT media FROM messages")
    assert stored["media"] == f'[{{"id": "{mine}"}}]'
    await sql("UPDATE messages SET media = jsonb_build_array(jsonb_build_object('id', $1::text, 'size', 1))", mine)
    [message] = (await bob.get(f"/v1/conversations/{c}/messages")).json()["items"]
    assert message["media"] == [library.described(mine)]
