"""Messages that wait, over HTTP."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from messenger_contracts.shapes import format_timestamp


def later(seconds: float = 3600) -> str:
    return format_timestamp(datetime.now(UTC) + timedelta(seconds=seconds))


async def scheduled(who, c: str, **query) -> list[dict]:
    return (await who.get(f"/v1/conversations/{c}/scheduled", **query)).json()["items"]


async def history(who, c: str) -> list[str]:
    return [each["text"] for each in (await who.get(f"/v1/conversations/{c}/messages")).json()["items"]]


async def test_a_message_for_later_waits_and_only_its_sender_sees_it(talk) -> None:
    ada, bob, c = talk
    client_id, send_at = uuid4(), later()
    answer = await ada.send(c, client_id, text="later", send_at=send_at, mentions=[bob.id], expires_in=60)
    assert answer.status_code == 202
    assert answer.json() == {
        "conversation_id": c,
        "client_id": str(client_id),
        "text": "later",
        "media_ids": [],
        "reply_to": None,
        "thread_root": None,
        "mentions": [bob.id],
        "expires_in": 60,
        "send_at": send_at,
        "created_at": answer.json()["created_at"],
        "failed": None,
    }
    assert await scheduled(ada, c) == [answer.json()]
    assert (await ada.get(f"/v1/conversations/{c}/scheduled/{client_id}")).json() == answer.json()
    assert await scheduled(bob, c) == []
    assert (await bob.get(f"/v1/conversations/{c}/scheduled/{client_id}")).json()["code"] == "not_found"
    assert await history(bob, c) == []


async def test_handing_it_in_again_is_harmless(talk) -> None:
    ada, _, c = talk
    client_id, send_at = uuid4(), later()
    answers = await asyncio.gather(*(ada.send(c, client_id, send_at=send_at) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert len(await scheduled(ada, c)) == 1


@pytest.mark.parametrize("other", [{"text": "bye"}, {"send_at": later(9999)}])
async def test_another_body_under_its_id_is_refused(talk, other) -> None:
    ada, _, c = talk
    client_id = uuid4()
    first = {"text": "hi", "send_at": later()}
    await ada.send(c, client_id, **first)
    answer = await ada.send(c, client_id, **{**first, **other})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert [each["text"] for each in await scheduled(ada, c)] == ["hi"]


async def test_what_was_sent_under_the_id_is_not_sent_later(talk) -> None:
    ada, _, c = talk
    client_id = uuid4()
    await ada.send(c, client_id)
    answer = await ada.send(c, client_id, send_at=later())
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert await scheduled(ada, c) == []


@pytest.mark.parametrize("failed", [None, "This person does not accept messages."])
async def test_nothing_else_is_sent_under_the_id_of_one_that_waits(talk, sql, failed) -> None:
    ada, bob, c = talk
    client_id = uuid4()
    waiting = (await ada.send(c, client_id, send_at=later())).json()
    await sql("UPDATE scheduled_messages SET failed = $1", failed)
    answers = [await ada.send(c, client_id, text=text) for text in ("hi", "bye")]
    answers.append(await ada.send(c, client_id, send_at=later(-60)))
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(422, "idempotency_mismatch")] * 3
    assert await scheduled(ada, c) == [waiting | {"failed": failed}]
    assert await history(bob, c) == []
    assert (await bob.send(c, client_id)).status_code == 201


async def test_once_it_is_cancelled_its_id_is_free_for_a_message_that_is_sent_now(talk) -> None:
    ada, bob, c = talk
    client_id = uuid4()
    await ada.send(c, client_id, send_at=later())
    await ada.request("DELETE", f"/v1/conversations/{c}/scheduled/{client_id}")
    assert (await ada.send(c, client_id, text="now")).status_code == 201
    assert await history(bob, c) == ["now"]


async def test_of_a_message_for_now_and_one_for_later_under_one_id_the_first_wins(talk) -> None:
    ada, bob, c = talk
    for _ in range(10):
        client_id = uuid4()
        now, then = await asyncio.gather(ada.send(c, client_id), ada.send(c, client_id, send_at=later()))
        assert (now.status_code, then.status_code) in [(201, 422), (422, 202)]
    assert len(await scheduled(ada, c)) + len(await history(bob, c)) == 10


async def test_one_whose_time_has_passed_is_sent_at_once(talk) -> None:
    ada, bob, c = talk
    client_id, send_at = uuid4(), later(-60)
    answers = [await ada.send(c, client_id, send_at=send_at) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    assert await history(bob, c) == ["hi"]


@pytest.mark.parametrize("failed", [None, "This person does not accept messages."])
async def test_who_asks_again_after_its_time_gets_the_message_and_it_waits_no_more(talk, sql, failed) -> None:
    ada, bob, c = talk
    other, client_id, send_at = uuid4(), uuid4(), later(-60)
    await ada.send(c, other, send_at=send_at)
    await sql(
        "INSERT INTO scheduled_messages SELECT conversation_id, by, $1, by, '{}', digest, now(), now(), $2 "
        "FROM messages WHERE client_id = $3",
        client_id,
        failed,
        other,
    )
    assert [each["failed"] for each in await scheduled(ada, c)] == [failed]
    assert (await ada.send(c, client_id, send_at=send_at)).status_code == 201
    assert await scheduled(ada, c) == []
    assert await history(bob, c) == ["hi", "hi"]


async def test_the_next_one_is_listed_first_page_by_page(talk) -> None:
    ada, _, c = talk
    for n in (3, 1, 2):
        await ada.send(c, uuid4(), text=str(n), send_at=later(n * 60))
    seen, link = [], f"/v1/conversations/{c}/scheduled?limit=1"
    while link:
        page = await ada.get(link)
        seen += [each["text"] for each in page.json()["items"]]
        link = page.links.get("next", {}).get("url")
    assert seen == ["1", "2", "3"]


async def test_one_that_is_cancelled_is_gone_and_can_be_handed_in_anew(talk) -> None:
    ada, bob, c = talk
    client_id = uuid4()
    path = f"/v1/conversations/{c}/scheduled/{client_id}"
    await ada.send(c, client_id, send_at=later())
    assert (await bob.request("DELETE", path)).status_code == 404
    answers = [await ada.request("DELETE", path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 404]
    assert (await ada.get(path)).json()["code"] == "not_found"
    assert (await ada.send(c, client_id, text="other", send_at=later())).status_code == 202


async def test_what_could_not_be_sent_now_cannot_wait_either(talk, people, sql) -> None:
    ada, bob, c = talk
    [eve] = await people("eve")
    assert (await eve.send(c, uuid4(), send_at=later())).json()["code"] == "not_member"
    for body, pointer in (
        ({"mentions": ["user-eve"]}, "/mentions/0"),
        ({"reply_to": str(uuid4())}, "/reply_to"),
        ({"thread_root": str(uuid4())}, "/thread_root"),
        ({"send_at": later(366 * 24 * 3600)}, "/send_at"),
        ({"send_at": "0001-01-01T00:00:00+23:00"}, "/send_at"),
        ({"text": None}, "/text"),
    ):
        answer = await ada.send(c, uuid4(), **{"send_at": later(), **body})
        assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, [pointer])
    await sql("UPDATE conversations SET closed_by = ARRAY[$1]", bob.id)
    assert (await ada.send(c, uuid4(), send_at=later())).status_code == 403
    assert await scheduled(ada, c) == []


async def test_a_hundred_may_wait_and_no_more_however_many_are_handed_in_at_once(talk) -> None:
    ada, bob, c = talk
    answers = await asyncio.gather(*(ada.send(c, uuid4(), send_at=later()) for _ in range(104)))
    assert sorted(answer.status_code for answer in answers) == [202] * 100 + [409] * 4
    assert (await bob.send(c, uuid4(), send_at=later())).status_code == 202


async def test_strangers_and_wrong_ids_find_nothing(talk, people) -> None:
    ada, _, c = talk
    [eve] = await people("eve")
    assert (await eve.get(f"/v1/conversations/{c}/scheduled")).json()["code"] == "not_member"
    for missing in (uuid4(), "seven", "%00"):
        assert (await ada.get(f"/v1/conversations/{c}/scheduled/{missing}")).json()["code"] == "not_found"
        assert (await ada.request("DELETE", f"/v1/conversations/{c}/scheduled/{missing}")).status_code == 404
