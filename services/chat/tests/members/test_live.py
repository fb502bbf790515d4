"""What sockets are told when people come and go, on the channel of each person."""

from messenger_contracts.realtime import conversation_channel, user_channel
from servicekit.testing import PREFIX


async def test_who_is_added_is_told_to_follow(people, group_of, members_of, listening) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    mine = user_channel(PREFIX, bob.id)
    async with listening(c, mine) as heard:
        await members_of(c).put(ada, bob)
        channel, told = await heard()
    assert (channel, list(told.joined)) == (mine, [c])


async def test_who_is_removed_is_told_after_the_event(people, group_of, members_of, listening) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    mine, ours = user_channel(PREFIX, bob.id), conversation_channel(PREFIX, c)
    async with listening(c, mine, ours) as heard:
        await members_of(c).remove(ada, bob)
        first, second = await heard(), await heard()
    assert (first[0], second[0], second[1].left) == (ours, mine, [c])


async def test_when_a_group_ends_all_are_told_after_the_event(people, group_of, listening) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    of_both, ours = [user_channel(PREFIX, who.id) for who in (ada, bob)], conversation_channel(PREFIX, c)
    async with listening(c, *of_both, ours) as heard:
        await ada.request("DELETE", f"/v1/conversations/{c}")
        told = [await heard() for _ in range(3)]
    assert told[0][0] == ours
    assert sorted(channel for channel, _ in told[1:]) == sorted(of_both)
    assert all(message.left == [c] for _, message in told[1:])
