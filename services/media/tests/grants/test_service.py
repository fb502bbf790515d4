"""Who may see what, as events tell it: in any order, and as often as they like."""

import itertools
from datetime import UTC, datetime

import pytest

from media_service.consumers import inbox_handlers, message_handlers
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Message
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.chat import (
    ConversationUpdated,
    MemberJoined,
    MemberLeft,
    MessageCreated,
    MessageDeleted,
)
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from messenger_contracts.identity import IDENTITY_HEADER
from messenger_contracts.media import Media, ShownQuestion
from servicekit.identity import ServiceSigner
from servicekit.keys import key_ring
from servicekit.testing import PREFIX

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
C = "0198c0de-0000-7000-8000-000000000001"


def event(data) -> Event:
    return Event(
        id=f"{data.TYPE}:{data.model_dump_json()}",
        source="chat",
        type=data.TYPE,
        time=NOW,
        subject=C,
        dataschema=schema_uri(data.TYPE),
        data=data,
    )


def by(seq: int, user_id: str = "user-alice", conversation: str = C) -> dict:
    return {"conversation_id": conversation, "seq": seq, "actor": Actor(user_id=user_id, username="a")}


def sent(seq: int, *media_ids: str, sender: str = "user-alice", conversation: str = C) -> Event:
    message = Message(
        id=f"message-{seq}",
        conversation_id=conversation,
        client_id="c",
        seq=seq,
        msg_no=seq,
        by=sender,
        text=None,
        media=[Media(id=each) for each in media_ids],
        created_at=NOW,
    )
    return event(MessageCreated(**by(seq, sender, conversation), message=message, recipients=[]))


def deleted(seq: int, of: int) -> Event:
    return event(MessageDeleted(**by(seq), message_id=f"message-{of}", message_seq=of))


def joined(seq: int, user_id: str = "user-bob", conversation: str = C) -> Event:
    return event(MemberJoined(**by(seq, conversation=conversation), user_id=user_id, role="member"))


def left(seq: int, user_id: str = "user-bob") -> Event:
    return event(MemberLeft(**by(seq), user_id=user_id))


@pytest.fixture
def hear(services):
    """Handle events as the worker does."""
    heard = inbox_handlers(services.grants, services.albums) | message_handlers(services.grants)
    handlers = {data.TYPE: handler for data, handler in heard.items()}

    async def handle(*events: Event) -> None:
        for each in events:
            await handlers[each.type](each)

    return handle


@pytest.fixture
async def ask_as_chat(client, aws):
    """Ask many questions with chat's own key."""
    identity = ServiceSigner(await key_ring(aws, f"{PREFIX}-chat-identity-private"), "chat")

    async def ask(path: str, questions: list[dict]) -> dict:
        headers = {IDENTITY_HEADER: await identity.sign()}
        answer = await client.post(f"/internal/media/{path}", json={"questions": questions}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


async def sees(person, media_id: str) -> bool:
    status = (await person.ask("GET", f"media/{media_id}")).status_code
    assert status in (200, 202, 404)
    return status != 404


async def test_members_see_what_is_sent_to_them_while_they_are_members(alice, bob, shown, hear) -> None:
    media_id = await shown(alice, purpose="message")
    assert not await sees(bob, media_id)

    await hear(joined(1), sent(3, media_id))
    assert await sees(bob, media_id)

    await hear(left(4))
    assert not await sees(bob, media_id)

    await hear(joined(5))
    assert await sees(bob, media_id)


async def test_a_deleted_message_shows_its_files_no_longer(alice, bob, shown, hear, stores) -> None:
    media_id = await shown(alice, purpose="message")
    await hear(joined(1), sent(3, media_id), sent(4, media_id))

    await hear(deleted(5, of=3))
    assert await sees(bob, media_id)

    await hear(deleted(6, of=4))
    assert not await sees(bob, media_id)
    assert not (await stores.files.get(media_id)).is_used


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))], ids=str)
async def test_the_order_of_events_makes_no_difference(alice, bob, shown, hear, stores, order) -> None:
    media_id = await shown(alice, purpose="message")
    happened = [joined(1), sent(2, media_id), sent(3, media_id), deleted(4, of=2)]

    await hear(*(happened[place] for place in order), *happened)

    assert await sees(bob, media_id)
    assert (await stores.files.get(media_id)).places == {f"conversation:{C}": 1}


async def test_who_left_stays_out_when_an_older_word_comes_late(alice, bob, shown, hear) -> None:
    media_id = await shown(alice, purpose="message")

    await hear(sent(2, media_id), left(3), joined(1))

    assert not await sees(bob, media_id)


async def test_nobody_grants_what_is_anothers(alice, bob, shown, hear) -> None:
    """Somebody who knows an id sends it to themselves, and sees nothing."""
    media_id = await shown(alice)

    await hear(joined(1), sent(2, media_id, sender="user-bob"))

    assert not await sees(bob, media_id)


@pytest.mark.parametrize(("blocker", "blocked"), [("user-alice", "user-bob"), ("user-bob", "user-alice")])
async def test_a_block_ends_what_was_granted_and_its_end_brings_it_back(
    alice, bob, shown, hear, blocker, blocked
) -> None:
    media_id = await shown(alice, purpose="message")
    await hear(joined(1), sent(2, media_id))

    await hear(event(UserBlocked(user_id=blocker, blocked_id=blocked, version=7)))
    assert not await sees(bob, media_id)
    assert await sees(alice, media_id)

    await hear(event(UserUnblocked(user_id=blocker, blocked_id=blocked, version=8)))
    await hear(event(UserBlocked(user_id=blocker, blocked_id=blocked, version=7)))
    assert await sees(bob, media_id)


async def test_every_signed_in_person_sees_avatars(alice, bob, shown) -> None:
    assert await sees(bob, await shown(alice, purpose="avatar"))


async def test_a_groups_picture_is_seen_while_it_is_its_picture(alice, bob, shown, hear, stores) -> None:
    """And is collected one day when it is not any more."""
    media_id = await shown(alice, purpose="message")
    await hear(joined(1), event(ConversationUpdated(**by(2), title="a", avatar=media_id)))
    assert await sees(bob, media_id)

    await hear(event(ConversationUpdated(**by(3, "user-carol"), title="b", avatar=media_id)))
    assert await sees(bob, media_id)

    await hear(event(ConversationUpdated(**by(4, "user-carol"), title="b", avatar=None)))
    assert not await sees(bob, media_id)
    file = await stores.files.get(media_id)
    assert (file.is_used, file.may_go_unused) == (False, True)
    assert file.due_at is not None


async def test_a_groups_picture_is_its_givers_whichever_event_comes_first(alice, bob, shown, hear) -> None:
    """Somebody else changes the title, and that is heard before the picture."""
    media_id = await shown(alice)
    face = {"avatar": media_id, "avatar_by": alice.id}
    await hear(joined(1), event(ConversationUpdated(**by(3, "user-carol"), title="b", **face)))
    await hear(event(ConversationUpdated(**by(2), title="a", **face)))
    assert await sees(bob, media_id)


async def test_nobody_gives_a_group_a_picture_of_somebody_else_s(alice, bob, shown, hear) -> None:
    media_id = await shown(alice)
    face = {"title": "b", "avatar": media_id, "avatar_by": "user-carol"}
    await hear(joined(1), event(ConversationUpdated(**by(2), **face)))
    assert not await sees(bob, media_id)


async def test_in_a_deleted_group_nothing_hangs(alice, bob, shown, hear, stores) -> None:
    """Whatever comes when: nothing of it counts as used, and so it is collected one day."""
    media_id, avatar, late = [await shown(alice, content, purpose="message") for content in (b"a", b"b", b"c")]
    ended = event(ConversationUpdated(**by(5), title=None, avatar=None, deleted=True))
    pictured = event(ConversationUpdated(**by(4), title="a", avatar=avatar))
    happened = [joined(1), sent(2, media_id), pictured, ended, sent(3, late), pictured, ended]
    await hear(*happened)

    for each in (media_id, avatar, late):
        assert not await sees(bob, each)
        assert not (await stores.files.get(each)).is_used


async def test_a_deleted_file_is_seen_by_nobody_until_it_is_restored(alice, bob, shown, hear) -> None:
    media_id = await shown(alice, purpose="message")
    await hear(joined(1), sent(2, media_id))

    await alice.ask("DELETE", f"media/{media_id}")
    assert not await sees(bob, media_id)

    await alice.ask("POST", f"media/{media_id}/restore")
    assert await sees(bob, media_id)


async def test_a_file_that_does_not_exist_stops_no_event(alice, bob, shown, hear) -> None:
    media_id = await shown(alice, purpose="message")

    await hear(joined(1), sent(2, "0198c0de-0000-7000-8000-00000000dead", media_id))

    assert await sees(bob, media_id)


async def test_a_service_asks_for_many_files_at_once(alice, bob, shown, hear) -> None:
    theirs, hidden = [await shown(alice, bytes([number]), purpose="message") for number in range(2)]
    own = await shown(bob)
    await hear(joined(1), sent(2, theirs))
    question = {"user_id": bob.id, "media_ids": [own, hidden, theirs, "nothing"]}

    seen = await bob.client.post("/internal/media/read", json=question, headers=bob.headers)
    refused = await bob.client.post("/internal/media/attach", json=question, headers=bob.headers)

    assert [item["id"] for item in seen.json()["items"]] == [own, theirs]
    assert refused.json()["refused"] == [hidden, theirs, "nothing"]


async def test_the_check_of_many_files_costs_two_reads(bob, alice, shown, hear, stores, services) -> None:
    sent_ids = [await shown(alice, bytes([number]), purpose="message") for number in range(3)]
    await hear(joined(1), *(sent(seq, each) for seq, each in enumerate(sent_ids, 2)))
    reads = []
    stores.dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: reads.append(model.name))

    assert len(await services.grants.visible(bob.id, sent_ids)) == 3
    assert reads == ["BatchGetItem", "BatchGetItem"]


async def test_nobody_asks_for_another(alice, bob, shown) -> None:
    question = {"user_id": alice.id, "media_ids": [await shown(alice)]}

    for path in ("read", "attach"):
        answer = await bob.client.post(f"/internal/media/{path}", json=question, headers=bob.headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_question_is_about_a_hundred_files_at_most(bob) -> None:
    question = {"user_id": bob.id, "media_ids": ["x"] * 101}

    answer = await bob.client.post("/internal/media/read", json=question, headers=bob.headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_services_ask_what_many_people_may_attach(alice, bob, shown, ask_as_chat, stores) -> None:
    theirs, own = await shown(alice, purpose="message"), await shown(bob, purpose="message")
    questions = [
        {"user_id": alice.id, "media_ids": [theirs, own, "nothing"]},
        {"user_id": bob.id, "media_ids": [own]},
    ]

    first, second = (await ask_as_chat("attachments", questions))["answers"]

    assert (first["refused"], [each["id"] for each in first["items"]]) == ([own, "nothing"], [theirs])
    assert (second["refused"], [each["id"] for each in second["items"]]) == ([], [own])
    assert first["items"][0]["variants"]["thumb"]["url"]


async def test_readers_are_shown_what_was_sent_to_them_and_is_the_sender_s(alice, bob, shown, ask_as_chat) -> None:
    """Before the event of the message has come: the service that asks knows who may read it."""
    mine, bobs = await shown(alice, purpose="message"), await shown(bob)
    sent = {mine: alice.id, bobs: alice.id, "nothing": alice.id}

    by_bob, by_all = (await ask_as_chat("shown", [{"reader": bob.id, "sent": sent}, {"reader": None, "sent": sent}]))[
        "answers"
    ]

    assert [each["id"] for each in by_bob["items"]] == [mine]
    assert by_all == by_bob


async def test_what_an_owner_has_of_a_file_is_told_to_the_owner_alone(alice, bob, shown, ask_as_chat) -> None:
    media_id = await shown(alice, purpose="message")
    await alice.ask("PATCH", f"media/{media_id}", {"tags": ["sea"], "caption": "The sea"})
    question = {"sent": {media_id: alice.id}}

    answers = (await ask_as_chat("shown", [{"reader": each, **question} for each in (alice.id, bob.id, None)]))[
        "answers"
    ]

    assert [answer["items"][0]["tags"] for answer in answers] == [["sea"], [], []]
    assert {answer["items"][0]["caption"] for answer in answers} == {"The sea"}


@pytest.mark.parametrize("blocker", ["user-alice", "user-bob"])
async def test_a_block_keeps_what_was_sent_from_the_other(alice, bob, shown, hear, ask_as_chat, blocker) -> None:
    media_id = await shown(alice, purpose="message")
    other = {alice.id: bob.id, bob.id: alice.id}[blocker]
    await hear(event(UserBlocked(user_id=blocker, blocked_id=other, version=1)))

    [answer] = (await ask_as_chat("shown", [{"reader": bob.id, "sent": {media_id: alice.id}}]))["answers"]

    assert answer["items"] == []


async def test_a_deleted_file_is_shown_to_nobody(alice, bob, shown, ask_as_chat) -> None:
    media_id = await shown(alice, purpose="message")
    await alice.ask("DELETE", f"media/{media_id}")

    answers = await ask_as_chat("shown", [{"reader": each, "sent": {media_id: alice.id}} for each in (bob.id, None)])

    assert [answer["items"] for answer in answers["answers"]] == [[], []]


async def test_what_many_readers_are_shown_costs_two_reads(alice, bob, shown, ask_as_chat, stores, services) -> None:
    media_ids = [await shown(alice, bytes([number]), purpose="message") for number in range(3)]
    reads = []
    stores.dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: reads.append(model.name))
    asked = [ShownQuestion(reader=each, sent=dict.fromkeys(media_ids, alice.id)) for each in (bob.id, "user-carol")]

    assert [len(files) for files in await services.grants.shown(asked)] == [3, 3]
    assert reads == ["BatchGetItem", "BatchGetItem"]


@pytest.mark.parametrize("path", ["attachments", "shown"])
async def test_people_do_not_ask_for_many(alice, path) -> None:
    answer = await alice.client.post(f"/internal/media/{path}", json={"questions": []}, headers=alice.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
