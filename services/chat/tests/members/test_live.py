"""What sockets are told when people come and go, on the channel of each person."""

from contextlib import asynccontextmanager

import orjson
import pytest

from messenger_contracts.realtime import conversation_channel, user_channel
from servicekit.testing import PREFIX
from servicekit.valkey import create_valkey


@pytest.fixture
def listening(valkey_url):
    """Listens on channels; gives a function that waits for the next publication about a conversation.

    It gives the channel, and what is said. Tests that run beside this one have people of the same names.
    """

    @asynccontextmanager
    async def listen(conversation: str, *channels: str):
        valkey = create_valkey(valkey_url)
        async with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(*channels)

            async def heard() -> tuple[str, dict]:
                while True:
                    message = await pubsub.get_message(timeout=5)
                    if message and conversation.encode() in message["channel"] + message["data"]:
                        return message["channel"].decode(), orjson.loads(message["data"].split(b"\n")[0])

            yield heard
        await valkey.aclose()

    return listen


async def test_who_is_added_is_told_to_follow(people, group_of, members_of, listening) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    mine = user_channel(PREFIX, bob.id)
    async with listening(c, mine) as heard:
        await members_of(c).put(ada, bob)
        channel, told = await heard()
    assert (channel, list(told["joined"])) == (mine, [c])


async def test_who_is_removed_is_told_after_the_event(people, group_of, members_of, listening) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    mine, ours = user_channel(PREFIX, bob.id), conversation_channel(PREFIX, c)
    async with listening(c, mine, ours) as heard:
        await members_of(c).remove(ada, bob)
        first, second = await heard(), await heard()
    assert (first[0], second[0], second[1]["left"]) == (ours, mine, [c])


async def test_when_a_group_ends_all_are_told_after_the_event(people, group_of, listening) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    of_both, ours = [user_channel(PREFIX, who.id) for who in (ada, bob)], conversation_channel(PREFIX, c)
    async with listening(c, *of_both, ours) as heard:
        await ada.request("DELETE", f"/v1/conversations/{c}")
        told = [await heard() for _ in range(3)]
    assert told[0][0] == ours
    assert sorted(channel for channel, _ in told[1:]) == sorted(of_both)
    assert all(message["left"] == [c] for _, message in told[1:])
