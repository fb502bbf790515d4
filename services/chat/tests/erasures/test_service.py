"""A person is forgotten: what others see of it, what stays in the tables, and that every step can be taken again."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chat_service.conversations.repository import ConversationRepository
from chat_service.conversations.service import MembershipService
from chat_service.erasures.domain import DELETED_NAME
from chat_service.erasures.repository import ErasureRepository
from chat_service.erasures.service import ErasureService
from chat_service.log.repository import LogRepository
from chat_service.log.service import ChangeService, LiveService
from chat_service.messages.repository import MessageRepository
from chat_service.messages.service import MessageChanges, MessageCommands, MessageFinder
from messenger_contracts.identity import service
from servicekit.fanout import FanoutPublisher
from servicekit.testing import PREFIX


class Dying(Exception):
    """The worker is killed."""


class Fragile(ErasureRepository):
    """Dies after so many purges."""

    def __init__(self, purges):
        self.purges = purges

    async def purge(self, session, conversation_id, seqs):
        self.purges -= 1
        if self.purges < 0:
            raise Dying
        await super().purge(session, conversation_id, seqs)


@pytest.fixture
async def eraser(database, valkey, files):
    """Makes what erases, of the queries given, in batches of two."""
    changes = ChangeService(database, LogRepository(), LiveService(FanoutPublisher(valkey), PREFIX, files))
    messages = MessageRepository()
    finder = MessageFinder(MembershipService(ConversationRepository()), messages)
    commands = MessageCommands(changes, MessageChanges(changes, finder), messages, files)

    def make(repository=None):
        return ErasureService(database, repository or ErasureRepository(), changes, commands, batch=2)

    return make


@pytest.fixture
async def left(client, callers):
    """Asks what is left of a person, as auth does."""
    headers = await callers.headers(service("auth"))

    async def ask(person):
        answer = await client.get(f"/internal/erasures/{person.id}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["left"]

    return ask


async def log_of(reader, conversation):
    answer = await reader.get(f"/v1/conversations/{conversation}/events", limit=200)
    return answer.json()["items"]


async def say(person, conversation, *texts):
    return [(await person.send(conversation, uuid4(), text)).json() for text in texts]


async def busy(alice, bob, carol, group_of):
    """Alice in a group that she owns, and in a direct conversation, with a trace of every kind."""
    group = await group_of(alice, bob, carol)
    direct = (await alice.begin(bob)).json()["id"]
    await say(alice, group, "one secret", "two secrets", "three secrets")
    (hers, _) = await say(alice, direct, "four secrets", "five secrets")
    (his,) = await say(bob, group, "not hers")
    at = f"/v1/conversations/{group}"
    await alice.request("PUT", f"{at}/messages/{his['id']}/reactions/%F0%9F%91%8D")
    edited = {"text": "a secret edit"}
    await alice.request("PATCH", f"/v1/conversations/{direct}/messages/{hers['id']}", json=edited)
    await alice.request("PUT", f"/v1/conversations/{direct}/draft", json={"text": "a secret draft"})
    await alice.request("POST", f"{at}/invites", json={})
    await alice.request("POST", f"{at}/messages/{his['id']}/report", json={"reason": "spam", "detail": "a secret"})
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    later = {"text": "a secret for later", "send_at": tomorrow}
    await alice.request("PUT", f"{at}/messages/{uuid4()}", json=later)
    await alice.request("DELETE", f"{at}/messages/{his['id']}", params={"for": "me"})
    await bob.request(
        "POST", f"/v1/conversations/{direct}/messages/{hers['id']}/report", json={"reason": "other", "detail": "his"}
    )
    return group, direct


async def test_nothing_is_left(people, group_of, eraser, left, sql, blocks):
    alice, bob, carol = await people("alice", "bob", "carol")
    await busy(alice, bob, carol, group_of)
    dave, erin = await people("dave", "erin")
    await blocks.block(alice, dave)
    await blocks.block(erin, alice)
    kinds = {"messages", "memberships", "reactions", "hidden messages", "scheduled messages", "invites"}
    assert await left(alice) == {**dict.fromkeys(kinds, 1), "messages": 5, "memberships": 2, "blocks": 2} | {
        "reports": 1,
        "reported messages": 1,
    }

    await eraser().erase(alice.id)

    assert await left(alice) == {}
    for (table,) in await sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        rows = [str(dict(row)) for row in await sql(f'SELECT * FROM "{table}"')]
        assert not [row for row in rows if "secret" in row or "'alice'" in row], table


async def test_logs_stay_dense_and_say_what_became_of_each_message(people, group_of, eraser):
    alice, bob, carol = await people("alice", "bob", "carol")
    group, direct = await busy(alice, bob, carol, group_of)
    await eraser().erase(alice.id)
    for conversation in (group, direct):
        events = await log_of(bob, conversation)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        written = [event for event in events if event["type"] == "message.created" and event["by"] == alice.id]
        deleted = [event for event in events if event["type"] == "message.deleted"]
        assert {event["data"]["id"] for event in written} == {event["data"]["id"] for event in deleted}
        assert {event["data"]["reason"] for event in deleted} == {"erased"}
        assert {event["data"]["text"] for event in written + deleted} == {None}
    assert [event["type"] for event in await log_of(bob, group)][-2:] == ["member.role", "member.left"]


async def test_what_others_wrote_stays(people, group_of, eraser):
    alice, bob, carol = await people("alice", "bob", "carol")
    group, _ = await busy(alice, bob, carol, group_of)
    await eraser().erase(alice.id)
    messages = (await carol.get(f"/v1/conversations/{group}/messages")).json()["items"]
    (his,) = [message for message in messages if message["by"] == bob.id]
    assert (his["text"], his["reactions"]) == ("not hers", {})


async def test_a_group_gets_the_admin_as_its_owner_and_not_whoever_came_first(people, group_of, eraser):
    alice, bob, carol = await people("alice", "bob", "carol")
    group = await group_of(alice, bob, carol)
    await alice.request("PUT", f"/v1/conversations/{group}/members/{carol.id}", json={"role": "admin"})
    await eraser().erase(alice.id)
    members = (await bob.get(f"/v1/conversations/{group}/members")).json()["items"]
    assert {member["user_id"]: member["role"] for member in members} == {carol.id: "owner", bob.id: "member"}
    assert (await bob.get(f"/v1/conversations/{group}")).json()["member_count"] == 2


async def test_a_group_without_anybody_else_ends(people, group_of, eraser, left, sql):
    alice, bob = await people("alice", "bob")
    group = await group_of(alice, bob)
    await bob.request("DELETE", f"/v1/conversations/{group}/members/{bob.id}")
    await eraser().erase(alice.id)
    [(deleted, count)] = await sql("SELECT deleted_at IS NOT NULL, member_count FROM conversations")
    assert (deleted, count) == (True, 0)
    [told] = await sql("SELECT data->>'deleted' AS deleted FROM log WHERE type = 'conversation.updated'")
    assert told["deleted"] == "true", "or files would hang there for ever"
    assert await left(alice) == {}


async def test_a_group_that_has_ended_is_searched_too(people, group_of, eraser, left, sql):
    alice, bob = await people("alice", "bob")
    group = await group_of(bob, alice)
    await say(alice, group, "a secret", "another")
    await bob.request("DELETE", f"/v1/conversations/{group}")
    await eraser().erase(alice.id)
    assert await left(alice) == {}
    assert [row["text"] for row in await sql("SELECT text FROM messages")] == [None, None]


async def test_a_direct_conversation_is_a_nameless_seat_that_takes_nothing_more(people, eraser):
    alice, bob = await people("alice", "bob")
    direct = (await alice.begin(bob)).json()["id"]
    await eraser().erase(alice.id)
    members = (await bob.get(f"/v1/conversations/{direct}/members")).json()["items"]
    assert {member["user_id"]: member["username"] for member in members} == {bob.id: "bob", alice.id: DELETED_NAME}
    assert (await bob.send(direct, uuid4(), "are you there?")).status_code == 403


async def test_a_late_unblock_does_not_open_a_seat_that_is_empty(people, eraser, blocks):
    alice, bob = await people("alice", "bob")
    direct = (await alice.begin(bob)).json()["id"]
    await blocks.block(bob, alice)
    await eraser().erase(alice.id)
    await blocks.unblock(bob, alice)
    assert (await bob.send(direct, uuid4(), "are you there?")).status_code == 403


async def test_a_worker_that_dies_leaves_nothing_that_the_next_does_not_find(people, group_of, eraser, left):
    alice, bob, carol = await people("alice", "bob", "carol")
    group, _ = await busy(alice, bob, carol, group_of)
    for survived in range(4):
        with pytest.raises(Dying):
            await eraser(Fragile(survived % 2)).erase(alice.id)
    assert await left(alice)
    await eraser().erase(alice.id)
    assert await left(alice) == {}
    deleted = [event["data"]["id"] for event in await log_of(bob, group) if event["type"] == "message.deleted"]
    assert len(deleted) == len(set(deleted)) == 3


async def test_to_erase_again_changes_nothing(people, group_of, eraser):
    alice, bob, carol = await people("alice", "bob", "carol")
    group, direct = await busy(alice, bob, carol, group_of)
    await eraser().erase(alice.id)
    before = [await log_of(bob, conversation) for conversation in (group, direct)]
    await eraser().erase(alice.id)
    assert [await log_of(bob, conversation) for conversation in (group, direct)] == before


async def test_of_somebody_unknown_nothing_is_left_and_nothing_is_erased(people, eraser, left):
    (nobody,) = await people("nobody")
    await eraser().erase(nobody.id)
    assert await left(nobody) == {}


async def test_a_person_may_not_ask_what_is_left(people):
    alice, bob = await people("alice", "bob")
    assert (await alice.get(f"/internal/erasures/{bob.id}")).status_code == 403
    assert (await alice.get(f"/internal/exports/{alice.id}")).status_code == 403


async def test_a_picture_goes_with_who_gave_it_to_a_group(people, group_of, eraser, library, sql):
    alice, bob = await people("alice", "bob")
    c, picture = await group_of(alice, bob), library.add(bob)
    await alice.request("PUT", f"/v1/conversations/{c}/members/{bob.id}", json={"role": "admin"})
    given = await bob.request("PATCH", f"/v1/conversations/{c}", json={"title": "They", "avatar": picture})
    assert given.status_code == 200

    await eraser().erase(bob.id)

    shown = (await alice.get(f"/v1/conversations/{c}")).json()
    assert (shown["title"], shown["avatar"]) == ("They", None)
    told = [each for each in await log_of(alice, c) if each["type"] == "conversation.updated"]
    assert [(each["by"], each["data"]["avatar"]) for each in told] == [(bob.id, picture), ("system", None)]
    assert await sql("SELECT avatar_by FROM conversations WHERE avatar_by IS NOT NULL") == []
