"""Where a connected person is, and apart from whom: joins, leaves and blocks take effect on live sockets."""

import time
from uuid import uuid4

import orjson
import pytest

from messenger_contracts.realtime import CloseCode, SessionEnded, conversation_channel, sessions_channel
from servicekit.fanout import publication

SKIP = {"epoch": "e1", "type": "skip"}


@pytest.fixture
def said(backend, publish, conversation):
    """Somebody says something, live; gives the place."""

    async def say(by: str, topic: str = conversation) -> int:
        event = backend.append(topic, by)
        await publish(topic, event, author=by, target=event["seq"])
        return event["seq"]

    return say


async def types(client, count: int) -> list[str]:
    return [(await client.event())["type"] for _ in range(count)]


async def related(publish, person: str, *, blocked=(), blocked_by=()) -> None:
    await publish.person(person, relations={"blocked": list(blocked), "blocked_by": list(blocked_by)})


async def test_a_block_takes_effect_on_a_live_socket_and_ends(join, conversation, publish, followed, said) -> None:
    async with join("bob", positions={conversation: 3}) as bob:
        await followed()
        await related(publish, "user-bob", blocked=["user-ada"])
        await said("user-ada")
        await related(publish, "user-bob")
        await said("user-ada")
        assert await types(bob, 2) == ["skip", "message.created"]


async def test_a_block_whose_publication_was_lost_is_found(gateway, backend, conversation, followed) -> None:
    async with gateway(reconcile_seconds=0.1) as join, join("bob", positions={conversation: 3}) as bob:
        await followed()
        backend.blocked["user-bob"].add("user-eve")
        heard = []
        while heard[-1:] != ["skip"]:
            event = backend.append(conversation, "user-eve")
            await _written_by(backend, conversation, event)
            heard += await types(bob, 1)
        assert set(heard) <= {"message.created", "skip"}


async def _written_by(backend, conversation, event) -> None:
    """The reader of the log sees the author of an event."""
    backend.authors[conversation, event["seq"]] = event["by"]


@pytest.mark.parametrize("op", ["typing", "read"])
async def test_pushes_do_not_cross_a_block_in_either_direction(
    join, conversation, publish, valkey, namespace, followed, op
) -> None:
    at = {conversation: 3}
    async with join("ada", positions=at) as ada, join("bob", positions=at) as bob, join("bob", positions=at) as tablet:
        await followed()
        await related(publish, "user-bob", blocked_by=["user-ada"])
        for who in ("user-ada", "user-eve"):
            push = {"op": op, "d": {"c": conversation, "by": who}}
            await valkey.publish(conversation_channel(namespace, conversation), publication(pushes=[push]))
        assert [(await ada.next())["d"]["by"] for _ in range(2)] == ["user-ada", "user-eve"]
        assert (await bob.next())["d"]["by"] == (await tablet.next())["d"]["by"] == "user-eve"


async def test_a_live_message_comes_with_ones_own_reactions(join, backend, conversation, publish, followed) -> None:
    at, told = {conversation: 3}, {"👍": {"count": 2, "mine": False}}
    async with join("ada", positions=at) as ada, join("bob", positions=at) as bob:
        await followed()
        edited = backend.append(conversation, kind="message.edited", text="better", reactions=told)
        readers = {"hidden": [], "given": {"user-ada": ["👍"]}, "unseen": {}}
        await publish(conversation, edited, author="user-bob", target=3, readers=readers)
        seen = [(await who.event())["data"]["reactions"]["👍"] for who in (ada, bob)]
    assert seen == [{"count": 2, "mine": True}, {"count": 2, "mine": False}]


async def test_who_came_late_hears_nothing_of_what_was_before(join, backend, publish, followed) -> None:
    group = str(uuid4())
    backend.members[group] |= {"user-bob"}
    for _ in range(3):
        backend.append(group)
    async with join("bob", positions={group: 3}), join("ada") as ada:
        await followed(group)
        backend.members[group].add("user-ada")
        backend.visible_from[group, "user-ada"] = 4
        await publish.person("user-ada", joined={group: 4})
        await publish(group, backend.append(group, kind="member.joined"))
        assert await ada.event() == {**SKIP, "c": group, "seq": 1, "to": 3}
        assert (await ada.event())["seq"] == 4
        await publish(group, backend.append(group, kind="reaction.added"), author="user-bob", target=2)
        assert await types(ada, 1) == ["skip"]


async def test_who_has_left_gets_nothing_more(join, backend, conversation, publish, followed, said) -> None:
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await followed()
        await publish.person("user-bob", left=[conversation])
        await said("user-ada")
        assert await types(ada, 1) == ["message.created"]
        assert (await bob.ask("typing", c=conversation))["error"]["code"] == "not_member"
        assert bob.frames == []


async def test_the_event_of_leaving_is_the_last_also_where_nothing_else_is_told(
    join, backend, conversation, publish, followed, said
) -> None:
    async with join("ada", positions={conversation: 3}) as ada, join("bob", positions={conversation: 3}) as bob:
        await followed()
        await publish(conversation, backend.append(conversation, kind="member.left", user_id="user-bob"))
        assert await types(bob, 1) == ["member.left"]
        await said("user-ada")
        assert await types(ada, 2) == ["member.left", "message.created"]
        assert (await bob.ask("typing", c=conversation))["error"]["code"] == "not_member"
        assert bob.frames == []


async def test_a_group_that_ends_is_followed_by_nobody(join, backend, conversation, publish, followed) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        await followed()
        await publish(conversation, backend.append(conversation, kind="conversation.updated", deleted=True))
        assert await types(ada, 1) == ["conversation.updated"]
        await followed(yes=False)


async def test_who_left_and_came_again_is_sent_the_conversation_anew(
    join, backend, conversation, publish, followed, said
) -> None:
    async with join("bob", positions={conversation: 3}) as bob:
        await followed()
        await publish(conversation, backend.append(conversation, kind="member.left", user_id="user-bob"))
        assert await types(bob, 1) == ["member.left"]
        await followed(yes=False)
        backend.append(conversation, kind="member.joined", user_id="user-bob")
        await publish.person("user-bob", joined={conversation: 1})
        assert [(await bob.event())["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]
        await followed()
        await said("user-ada")
        assert (await bob.event())["seq"] == 6


async def test_without_valkey_events_are_found_within_moments(gateway, backend, conversation) -> None:
    changes = {"valkey_url": "redis://127.0.0.1:1/0", "reconcile_seconds": 3600}
    async with gateway(**changes) as join, join("ada", positions={conversation: 3}) as ada:
        for _ in range(2):
            event = backend.append(conversation)
            assert (await ada.event())["seq"] == event["seq"]


async def test_a_conversation_whose_joining_was_not_told_is_found(gateway, backend) -> None:
    async with gateway(reconcile_seconds=0.1) as join, join("ada") as ada:
        group = str(uuid4())
        backend.members[group].add("user-ada")
        backend.append(group)
        backend.joined["user-ada"][group] = 1
        assert (await ada.event())["c"] == group
        backend.append(group)
        assert (await ada.event())["seq"] == 2


async def test_what_no_process_publishes_is_not_the_end_of_hearing(
    join, conversation, valkey, namespace, followed, said
) -> None:
    async with join("ada", positions={conversation: 3}) as ada:
        await followed()
        await valkey.publish(conversation_channel(namespace, conversation), b"nonsense")
        await valkey.publish(conversation_channel(namespace, conversation), orjson.dumps({"events": [[1]]}))
        await said("user-bob")
        assert (await ada.event())["seq"] == 4


async def test_hello_hands_the_sync_token_on(join, backend) -> None:
    async with join("ada", hello=False) as ada:
        assert (await ada.ask("hello", positions={}, since="token"))["ok"]["resumed"] is True
    assert backend.since == ["token"]


async def test_the_end_of_all_of_a_person_s_sessions_closes_every_socket(join, valkey, namespace) -> None:
    async with join("ada") as phone, join("ada", origin_jti="other") as laptop, join("bob") as bob:
        ended = SessionEnded(user_id="user-ada", session_id=None, until=int(time.time()) + 60)
        await valkey.publish(sessions_channel(namespace), ended.model_dump_json())
        assert [await phone.closed(), await laptop.closed()] == [CloseCode.SESSION_REVOKED] * 2
        assert (await bob.ask("ping"))["ok"] == {"positions": {}}
