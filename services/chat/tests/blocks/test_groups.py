"""A block in a group: who blocks sees nothing of what the other says and does there; everybody else sees all."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from chat_service.relay.repository import RelayRepository
from chat_service.relay.service import LogSource
from chat_service.search.repository import WordRepository
from chat_service.search.service import WordSource
from servicekit.follower import Follower
from servicekit.outbox import OutboxPosition


@pytest.fixture
async def group(people, group_of, blocks):
    """A group in which ada blocks bob: bob said something before it, and bob and eve after it."""
    ada, bob, eve = await people("ada", "bob", "eve")
    conversation = await group_of(ada, bob, eve)
    said = [(await bob.send(conversation, uuid4(), "bob, early")).json()]
    await blocks.block(ada, bob)
    said += [(await who.send(conversation, uuid4(), f"{who.name}, late")).json() for who in (bob, eve)]
    return Group(conversation, (ada, bob, eve), said)


class Group:
    """The group, its people, and what was said."""

    def __init__(self, conversation, people, said):
        self.path = f"/v1/conversations/{conversation}"
        self.id = conversation
        self.ada, self.bob, self.eve = people
        self.early, self.late, self.by_eve = said

    async def events(self, who):
        return (await who.get(f"{self.path}/events", limit=200)).json()["items"]

    async def newest(self, who):
        return (await self.events(who))[-1]


def texts(messages):
    return [message["text"] for message in messages]


async def test_in_the_log_a_skip_stands_for_it(group) -> None:
    events = await group.events(group.ada)
    assert [(event["type"], event["seq"]) for event in events[3:]] == [("skip", 4), ("message.created", 6)]
    assert events[3]["to"] == 5


@pytest.mark.parametrize("name", ["bob", "eve"])
async def test_the_others_see_all(group, name: str) -> None:
    who = getattr(group, name)
    assert [event["type"] for event in (await group.events(who))[3:]] == ["message.created"] * 3


async def test_it_is_not_in_the_history(group) -> None:
    shown = (await group.ada.get(f"{group.path}/messages")).json()["items"]
    assert texts(shown) == ["eve, late"]


async def test_it_cannot_be_read_by_its_id(group) -> None:
    answer = await group.ada.get(f"{group.path}/messages/{group.late['id']}")
    assert answer.status_code == 404


async def test_it_is_neither_unread_nor_the_last_message(group) -> None:
    await group.bob.send(group.id, uuid4(), "last word")
    shown = (await group.ada.get(group.path)).json()
    assert shown["unread"] == 1
    assert shown["last_message"]["text"] == "eve, late"


async def test_a_mention_by_who_is_blocked_is_none(group) -> None:
    path = f"{group.path}/messages/{uuid4()}"
    body = {"text": "you", "mentions": [group.ada.id, group.eve.id]}
    assert (await group.bob.request("PUT", path, json=body)).status_code == 201
    assert [(await who.get(group.path)).json()["mentions"] for who in (group.ada, group.eve)] == [0, 1]


async def test_search_does_not_find_it(group, database) -> None:
    await Follower(name="search", database=database, source=WordSource(WordRepository())).step()
    found = [(await who.get("/v1/search/messages", q="late")).json()["items"] for who in (group.ada, group.eve)]
    assert [texts(item["message"] for item in items) for items in found] == [
        ["eve, late"],
        ["eve, late", "bob, late"],
    ]


async def test_who_blocks_is_not_notified_of_it(group, database) -> None:
    async with database.connection() as connection:
        await connection.execute(text("SELECT 1"))
        records = await LogSource(RelayRepository(500)).read(connection, OutboxPosition(), 100)
    recipients = {record.event.data.seq: record.event.data.recipients for record in records[3:]}
    assert recipients == {4: [group.eve.id], 5: [group.eve.id], 6: [group.ada.id, group.bob.id]}


async def test_what_who_is_blocked_does_with_others_messages_is_skipped(group) -> None:
    path = f"{group.path}/messages/{group.by_eve['id']}"
    assert (await group.bob.request("PUT", f"{path}/reactions/yes")).status_code == 204
    assert (await group.newest(group.ada))["type"] == "skip"
    assert (await group.newest(group.eve))["type"] == "reaction.added"


async def test_what_others_do_with_the_messages_of_who_is_blocked_is_skipped(group) -> None:
    path = f"{group.path}/messages/{group.late['id']}"
    assert (await group.eve.request("PUT", f"{path}/reactions/yes")).status_code == 204
    assert (await group.newest(group.ada))["type"] == "skip"
    assert (await group.newest(group.bob))["type"] == "reaction.added"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_edits_and_deletions_by_who_is_blocked_are_skipped(group, method: str) -> None:
    body = {"json": {"text": "never mind"}} if method == "PATCH" else {}
    answer = await group.bob.request(method, f"{group.path}/messages/{group.late['id']}", **body)
    assert answer.is_success
    assert (await group.newest(group.ada))["type"] == "skip"
    assert (await group.newest(group.eve))["type"] in ("message.edited", "message.deleted")


async def test_who_is_blocked_sees_what_who_blocks_says(group) -> None:
    assert (await group.ada.send(group.id, uuid4(), "still here")).status_code == 201
    assert (await group.newest(group.bob))["data"]["text"] == "still here"


async def test_when_the_block_ends_all_of_it_is_there_again(group, blocks) -> None:
    await blocks.unblock(group.ada, group.bob)
    shown = (await group.ada.get(f"{group.path}/messages")).json()["items"]
    assert texts(shown) == ["eve, late", "bob, late", "bob, early"]
    assert await group.events(group.ada) == await group.events(group.eve)


async def test_sync_starts_the_group_anew_for_who_blocks_alone(group, blocks) -> None:
    people = (group.ada, group.bob, group.eve)
    since = [(await who.get("/v1/sync", timeout=0)).json()["next"] for who in people]
    await blocks.unblock(group.ada, group.bob)
    synced = [
        (await who.get("/v1/sync", since=token, timeout=0)).json() for who, token in zip(people, since, strict=True)
    ]
    assert [each["conversations"].get(group.id, {}).get("reset") for each in synced] == [True, None, None]


@pytest.mark.parametrize("field", ["reply_to", "thread_root"])
async def test_what_one_does_not_see_one_does_not_answer(group, field: str) -> None:
    answers = [await who.send(group.id, uuid4(), "so?", **{field: group.early["id"]}) for who in (group.ada, group.eve)]
    assert [answer.status_code for answer in answers] == [422, 201]
    assert answers[0].json()["errors"][0]["pointer"] == f"/{field}"
