"""Reports over HTTP: who may report what, what each gets to see of it, and what moderators decide."""

import asyncio
from uuid import uuid4

import pytest

from servicekit.testing import person

SECRET = "a secret of mine"
ABSENT = "0198c0de-0000-7000-8000-000000000001"


class Moderator:
    """A client of chat, signed as somebody in the group of moderators."""

    def __init__(self, client, headers):
        self._client = client
        self._headers = headers

    async def get(self, path="", **params):
        return await self._client.get(f"/v1/moderation/reports{path}", headers=self._headers, params=params)

    async def patch(self, report, **body):
        return await self._client.patch(f"/v1/moderation/reports/{report}", headers=self._headers, json=body)


@pytest.fixture
def moderators(client, callers):
    """Makes people who look into reports."""

    async def make(*names):
        principals = [person(name).model_copy(update={"groups": ("moderators",)}) for name in names]
        return [Moderator(client, await callers.headers(each)) for each in principals]

    return make


@pytest.fixture
async def chat(people):
    """What ada and bob talk about: bob said something."""
    ada, bob = await people("ada", "bob")
    conversation = (await ada.begin(bob)).json()["id"]
    return Chat(ada, bob, conversation, (await bob.send(conversation, uuid4(), "something foul")).json())


class Chat:
    """A direct conversation, and a message of bob's in it."""

    def __init__(self, ada, bob, conversation, message):
        self.ada, self.bob = ada, bob
        self.path = f"/v1/conversations/{conversation}"
        self.message = f"{self.path}/messages/{message['id']}"
        self.message_id = message["id"]

    async def report(self, who, reason="harassment", **more):
        return await who.request("POST", f"{self.message}/report", json={"reason": reason, **more})

    async def delete(self):
        assert (await self.bob.request("DELETE", self.message)).status_code == 204

    async def reported(self):
        """The id of ada's report."""
        return (await self.report(self.ada)).json()["id"]


async def test_a_message_is_reported(chat) -> None:
    answer = await chat.report(chat.ada, detail="he does it every day")
    assert answer.status_code == 201
    report = answer.json()
    assert (report["message_id"], report["author"], report["reporter"]) == (chat.message_id, chat.bob.id, chat.ada.id)
    assert (report["status"], report["reason"]) == ("open", "harassment")
    assert report["detail"] == "he does it every day"
    assert report["reported_text"] == report["message"]["text"] == "something foul"


async def test_a_second_report_of_a_person_is_the_first(chat) -> None:
    first = await chat.report(chat.ada)
    second = await chat.report(chat.ada, reason="spam", detail="and more")
    assert second.status_code == 200
    assert second.json() == first.json()


async def test_reports_of_one_person_at_once_are_one(chat, sql) -> None:
    answers = await asyncio.gather(*(chat.report(chat.ada) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert await sql("SELECT count(*) FROM reports") == [(1,)]


async def test_each_person_may_report_it(people, group_of) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    group = await group_of(ada, bob, eve)
    chat = Chat(ada, bob, group, (await bob.send(group, uuid4())).json())
    answers = [await chat.report(who) for who in (ada, eve)]
    assert [answer.status_code for answer in answers] == [201, 201]


async def test_nobody_reports_what_is_ones_own(chat) -> None:
    answer = await chat.report(chat.bob)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_who_is_not_in_the_conversation_cannot_report_from_it(chat, people) -> None:
    [eve] = await people("eve")
    answer = await chat.report(eve)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_member")


async def test_what_the_reporter_does_not_see_cannot_be_reported(people, group_of, blocks) -> None:
    ada, bob = await people("ada", "bob")
    group = await group_of(ada, bob)
    chat = Chat(ada, bob, group, (await bob.send(group, uuid4())).json())
    await blocks.block(ada, bob)
    assert (await chat.report(ada)).status_code == 404


async def test_a_tombstone_cannot_be_reported(chat) -> None:
    await chat.delete()
    assert (await chat.report(chat.ada)).status_code == 404


async def test_a_report_that_was_made_is_there_when_the_message_is_gone(chat) -> None:
    first = (await chat.report(chat.ada)).json()
    await chat.delete()
    second = await chat.report(chat.ada)
    assert second.status_code == 200
    assert second.json()["id"] == first["id"]
    assert second.json()["message"]["text"] is None


@pytest.mark.parametrize("message", ["x", "%00", ABSENT, "\uff19" * 32])
async def test_what_is_no_message_cannot_be_reported(chat, message: str) -> None:
    answer = await chat.ada.request("POST", f"{chat.path}/messages/{message}/report", json={"reason": "spam"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": "boring"}, "/reason"),
        ({"reason": "spam", "detail": "a\0b"}, "/detail"),
        ({"reason": "spam", "detail": " "}, "/detail"),
        ({"reason": "spam", "detail": "x" * 2001}, "/detail"),
        ({"reason": "spam", "more": 1}, "/more"),
    ],
)
async def test_a_report_that_is_not_right_says_where(chat, body: dict, pointer: str) -> None:
    answer = await chat.ada.request("POST", f"{chat.message}/report", json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", f"/{ABSENT}"), ("PATCH", f"/{ABSENT}")])
async def test_the_queue_is_for_moderators_alone(chat, method: str, path: str) -> None:
    body = {"json": {"status": "resolved"}} if method == "PATCH" else {}
    answer = await chat.ada.request(method, f"/v1/moderation/reports{path}", **body)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_moderators_see_the_open_reports_oldest_first(chat, moderators) -> None:
    [mo] = await moderators("mo")
    reports = []
    for text in ("one", "two", "three"):
        said = (await chat.bob.send(chat.path.rpartition("/")[2], uuid4(), text)).json()
        path = f"{chat.path}/messages/{said['id']}/report"
        reports.append((await chat.ada.request("POST", path, json={"reason": "spam"})).json())
    first = await mo.get(limit=2)
    rest = await mo.get(limit=2, cursor=first.json()["next"])
    assert first.json()["items"] + rest.json()["items"] == reports
    assert rest.json()["next"] is None
    assert 'rel="next"' in first.headers["link"]


async def test_a_cursor_is_good_for_its_moderator_and_status_alone(chat, moderators) -> None:
    mo, max_ = await moderators("mo", "max")
    for who, text in ((chat.ada, "one"), (chat.ada, "two")):
        said = (await chat.bob.send(chat.path.rpartition("/")[2], uuid4(), text)).json()
        await who.request("POST", f"{chat.path}/messages/{said['id']}/report", json={"reason": "spam"})
    cursor = (await mo.get(limit=1)).json()["next"]
    answers = [await max_.get(cursor=cursor), await mo.get(cursor=cursor, status="resolved"), await mo.get(cursor="x")]
    assert [answer.status_code for answer in answers] == [422] * 3


async def test_moderators_see_what_was_said_when_it_was_reported_and_what_is_there_now(chat, moderators) -> None:
    [mo] = await moderators("mo")
    report = await chat.reported()
    assert (await chat.bob.request("PATCH", chat.message, json={"text": "sorry"})).status_code == 200
    seen = (await mo.get(f"/{report}")).json()
    assert (seen["reported_text"], seen["message"]["text"]) == ("something foul", "sorry")


async def test_what_was_reported_stays_when_the_message_was_purged(chat, moderators, sql) -> None:
    [mo] = await moderators("mo")
    report = await chat.reported()
    await chat.delete()
    await sql("UPDATE messages SET text = NULL, purged_at = now()")
    seen = (await mo.get(f"/{report}")).json()
    assert (seen["reported_text"], seen["message"]) == ("something foul", None)


async def test_a_report_is_dismissed_and_the_message_stays(chat, moderators) -> None:
    [mo] = await moderators("mo")
    report = await chat.reported()
    answer = await mo.patch(report, status="dismissed", note=SECRET)
    assert answer.status_code == 200
    closed = answer.json()
    assert (closed["status"], closed["note"], closed["closed_by"]) == ("dismissed", SECRET, "user-mo")
    assert closed["closed_at"]
    assert (await mo.get()).json()["items"] == []
    assert (await mo.get(status="dismissed")).json()["items"] == [closed]
    assert (await chat.ada.get(chat.message)).json()["text"] == "something foul"


async def test_a_message_is_deleted_with_the_decision_in_the_name_of_the_system(chat, moderators) -> None:
    [mo] = await moderators("mo")
    report = await chat.reported()
    answer = await mo.patch(report, status="resolved", delete_message=True)
    assert answer.json()["message"]["deleted_at"]
    event = (await chat.bob.get(f"{chat.path}/events")).json()["items"][-1]
    assert (event["type"], event["by"]) == ("message.deleted", "system")
    assert (event["data"]["text"], event["data"]["reason"]) == (None, "moderated")
    assert (await chat.ada.get(chat.message)).json()["text"] is None


async def test_a_message_that_is_gone_already_is_not_deleted_again(chat, moderators) -> None:
    [mo] = await moderators("mo")
    report = await chat.reported()
    await chat.delete()
    before = (await chat.ada.get(f"{chat.path}/events")).json()
    assert (await mo.patch(report, status="resolved", delete_message=True)).json()["status"] == "resolved"
    assert (await chat.ada.get(f"{chat.path}/events")).json() == before


async def test_a_report_from_a_conversation_that_has_ended_can_be_closed(chat, moderators, sql) -> None:
    [mo] = await moderators("mo")
    report = await chat.reported()
    await sql("UPDATE conversations SET deleted_at = now()")
    assert (await mo.patch(report, status="resolved", delete_message=True)).json()["status"] == "resolved"


async def test_the_reporter_is_told_what_came_of_it_and_not_by_whom(chat, moderators) -> None:
    [mo] = await moderators("mo")
    report = await chat.reported()
    await mo.patch(report, status="resolved", note=SECRET)
    answer = await chat.report(chat.ada)
    assert answer.json()["status"] == "resolved"
    assert "user-mo" not in answer.text
    assert SECRET not in answer.text


async def test_the_same_decision_again_is_harmless(chat, moderators) -> None:
    [mo] = await moderators("mo")
    report = await chat.reported()
    answers = [await mo.patch(report, status="resolved", note="seen", delete_message=True) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


async def test_another_decision_on_a_closed_report_is_refused_and_deletes_nothing(chat, moderators) -> None:
    mo, max_ = await moderators("mo", "max")
    report = await chat.reported()
    await mo.patch(report, status="dismissed")
    answer = await max_.patch(report, status="resolved", delete_message=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await chat.ada.get(chat.message)).json()["text"] == "something foul"


async def test_of_two_moderators_at_once_one_decides(chat, moderators) -> None:
    mo, max_ = await moderators("mo", "max")
    report = await chat.reported()
    answers = await asyncio.gather(
        mo.patch(report, status="dismissed"), max_.patch(report, status="resolved", delete_message=True)
    )
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200, 409]
    text = (await chat.ada.get(chat.message)).json()["text"]
    assert text == ("something foul" if statuses[0] == 200 else None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"status": "open"}, "/status"),
        ({"status": "dismissed", "delete_message": True}, "/delete_message"),
        ({"status": "resolved", "note": "a\0b"}, "/note"),
    ],
)
async def test_a_decision_that_is_not_right_says_where(chat, moderators, body: dict, pointer: str) -> None:
    [mo] = await moderators("mo")
    answer = await mo.patch(await chat.reported(), **body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("report", ["x", "%00", ABSENT])
async def test_what_is_no_report_is_not_found(moderators, report: str) -> None:
    [mo] = await moderators("mo")
    answers = [
        await mo.get(f"/{report}"),
        await mo.patch(report, status="resolved"),
        await mo.patch(report, status="resolved", delete_message=True),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3
