"""The end of messages, and of their content."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from chat_service.conversations.repository import ConversationRepository
from chat_service.conversations.service import MembershipService
from chat_service.log.repository import LogRepository
from chat_service.log.service import ChangeService, LiveService
from chat_service.messages.repository import MessageRepository
from chat_service.messages.service import MessageChanges, MessageCommands, MessageFinder
from chat_service.retention.repository import RetentionRepository
from chat_service.retention.service import Ages, Expiry, Retention
from servicekit.fanout import FanoutPublisher
from servicekit.testing import PREFIX

AGES = Ages(content=timedelta(days=30), reports=timedelta(days=90))


@pytest.fixture
def expiry(database, valkey, files):
    """Makes workers that end messages."""
    changes = ChangeService(database, LogRepository(), LiveService(FanoutPublisher(valkey), PREFIX, files))
    repository = MessageRepository()
    finder = MessageFinder(MembershipService(ConversationRepository()), repository)
    messages = MessageCommands(changes, MessageChanges(changes, finder), repository, files)

    def make(batch: int = 200) -> Expiry:
        return Expiry(database, RetentionRepository(), messages, batch=batch)

    return make


async def test_a_message_whose_time_is_over_is_deleted_by_the_system(talk, expiry, sql) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "a secret", expires_in=3600, mentions=[bob.id])
    kept = await ada.say(c, "kept", expires_in=3600)
    await sql("UPDATE messages SET expires_at = now() WHERE seq = $1", message["seq"])
    assert await expiry().step() is False
    [event] = await bob.events(c, kept["seq"])
    assert (event["type"], event["by"], event["seq"]) == ("message.deleted", "system", 5)
    assert (event["data"]["id"], event["data"]["reason"], event["data"]["everywhere"]) == (
        message["id"],
        "expired",
        True,
    )
    assert (event["data"]["text"], event["data"]["deleted_at"] is not None) == (None, True)
    assert (await bob.get(f"/v1/conversations/{c}")).json()["mentions"] == 0
    shown = (await bob.get(f"/v1/conversations/{c}/messages")).json()["items"]
    assert [each["text"] for each in shown] == ["kept", None]


async def test_it_is_shown_to_nobody_from_the_moment_on_even_before(talk, sql) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "a secret", expires_in=3600)
    await sql("UPDATE messages SET expires_at = now()")
    [created] = await bob.events(c, 2)
    assert (created["data"]["text"], created["data"]["deleted_at"] is not None) == (None, True)
    shown = (await bob.get(f"/v1/conversations/{c}/messages/{message['id']}")).json()
    assert shown["text"] is None


async def test_each_message_ends_once_by_however_many_workers(talk, expiry, sql) -> None:
    ada, bob, c = talk
    for n in range(30):
        await ada.say(c, str(n), expires_in=3600)
    await sql("UPDATE messages SET expires_at = now()")

    async def work() -> None:
        worker = expiry(batch=7)
        while await worker.step():
            pass

    await asyncio.gather(work(), work())
    ended = await bob.events(c, 32)
    assert sorted(event["data"]["seq"] for event in ended) == list(range(3, 33))
    assert [event["seq"] for event in ended] == list(range(33, 63))


async def test_a_conversation_that_is_no_more_holds_nobody_up(talk, people, expiry, sql) -> None:
    ada, _, c = talk
    [cy] = await people("cy")
    other = (await ada.begin(cy)).json()["id"]
    await ada.say(c, expires_in=3600)
    message = await ada.say(other, expires_in=3600)
    await sql("UPDATE conversations SET deleted_at = now() WHERE id = $1", c)
    await sql(
        "UPDATE messages SET expires_at = now() - CASE conversation_id WHEN $1 THEN interval '1 s' ELSE '0' END", c
    )
    worker = expiry(batch=1)
    while await worker.step():
        pass
    [event] = await cy.events(other, message["seq"])
    assert event["data"]["reason"] == "expired"
    [row] = await sql("SELECT deleted_at FROM messages WHERE conversation_id = $1", c)
    assert row["deleted_at"] is not None


async def test_the_content_of_tombstones_is_removed_after_its_time_and_no_other(talk, database, sql) -> None:
    ada, bob, c = talk
    old, recent, living = [await ada.say(c, text, mentions=[bob.id]) for text in ("old", "recent", "living")]
    for message in (old, recent, living):
        path = f"/v1/conversations/{c}/messages/{message['id']}"
        await ada.request("PATCH", path, json={"text": f"{message['text']} changed"})
        await bob.request("PUT", f"{path}/reactions/👍")
        await sql(
            "INSERT INTO search_words (conversation_id, seq, at, words) VALUES ($1, $2, now(), 'x')", c, message["seq"]
        )
        if message is not living:
            await ada.request("DELETE", path)
    await sql("UPDATE messages SET media = '[{}]', previews = '[{}]'")
    await sql("UPDATE messages SET deleted_at = now() - interval '31 days' WHERE id = $1", old["id"])

    assert await Retention(database, RetentionRepository(), AGES).step() is False

    rows = await sql("SELECT seq, text, mentions, media, previews, purged_at IS NOT NULL AS purged FROM messages")
    assert [tuple(row)[1:] for row in sorted(rows)] == [
        (None, None, None, None, True),
        ("recent changed", [bob.id], "[{}]", "[{}]", False),
        ("living changed", [bob.id], "[{}]", "[{}]", False),
    ]
    for table in ("edits", "reactions", "search_words"):
        assert sorted(row["seq"] for row in await sql(f"SELECT seq FROM {table}")) == [recent["seq"], living["seq"]]


async def test_a_send_whose_content_was_removed_is_recognised_still(talk, database, sql) -> None:
    ada, bob, c = talk
    message = await ada.say(c, "hi")
    await ada.request("DELETE", f"/v1/conversations/{c}/messages/{message['id']}")
    await sql("UPDATE messages SET deleted_at = now() - interval '31 days'")
    await Retention(database, RetentionRepository(), AGES).step()
    assert (await ada.send(c, message["client_id"], "hi")).status_code == 200
    assert (await ada.send(c, message["client_id"], "bye")).status_code == 422
    assert len((await bob.get(f"/v1/conversations/{c}/messages")).json()["items"]) == 1


async def test_it_is_done_in_batches_side_by_side(talk, database, sql) -> None:
    ada, _, c = talk
    for n in range(25):
        await ada.say(c, str(n))
    await sql("UPDATE messages SET deleted_at = now() - interval '31 days'")

    async def work() -> int:
        worker, steps = Retention(database, RetentionRepository(), AGES, batch=4), 0
        while await worker.step():
            steps += 1
        return steps

    assert sum(await asyncio.gather(work(), work())) >= 5
    [row] = await sql("SELECT count(*) FROM messages WHERE purged_at IS NULL OR text IS NOT NULL")
    assert row["count"] == 0


async def test_what_is_of_no_more_use_is_forgotten(talk, database, sql) -> None:
    _, _, c = talk
    for name, days, failed in (("old", 31, "no"), ("recent", 29, "no"), ("waiting", 31, None)):
        await sql(
            "INSERT INTO scheduled_messages VALUES ($1, $2, $3, 'ada', '{}', '', now() - make_interval(days => $4), "
            "now(), $5)",
            c,
            name,
            uuid4(),
            days,
            failed,
        )
    await sql("INSERT INTO inbox_ledger VALUES ('old', now() - interval '31 days'), ('recent', now())")
    await Retention(database, RetentionRepository(), AGES).step()
    assert {row["by"] for row in await sql("SELECT by FROM scheduled_messages")} == {"recent", "waiting"}
    assert [row["event_id"] for row in await sql("SELECT event_id FROM inbox_ledger")] == ["recent"]


async def test_a_report_forgets_what_was_said_some_time_after_the_decision(talk, database, sql) -> None:
    ada, bob, c = talk
    reports = []
    for text in ("open", "recent", "old"):
        message = await ada.say(c, text)
        path = f"/v1/conversations/{c}/messages/{message['id']}/report"
        reports.append((await bob.request("POST", path, json={"reason": "spam", "detail": f"{text}!"})).json()["id"])
    for report, days in zip(reports[1:], (89, 91), strict=True):
        await sql(
            "UPDATE reports SET status = 'resolved', note = 'no', closed_at = now() - make_interval(days => $1) "
            "WHERE id = $2",
            days,
            report,
        )
    await sql("UPDATE reports SET created_at = now() - interval '1 year'")
    assert await Retention(database, RetentionRepository(), AGES).step() is False
    rows = await sql("SELECT id, reported_text, detail, reason, status FROM reports")
    assert {str(row["id"]): tuple(row)[1:] for row in rows} == {
        reports[0]: ("open", "open!", "spam", "open"),
        reports[1]: ("recent", "recent!", "spam", "resolved"),
        reports[2]: (None, None, "spam", "resolved"),
    }
