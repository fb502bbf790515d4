"""Presence: said by clients, seen by those with whom they have a direct conversation."""

import pytest

from servicekit.testing import eventually


@pytest.fixture
def direct(backend, conversation) -> str:
    """The conversation of Ada and Bob is a direct one."""
    backend.direct.add(conversation)
    return conversation


async def state_of(client, person: str) -> str:
    return (await client.ask("presence", of=[person]))["ok"]["presence"][person]["state"]


async def presence(client) -> str:
    """The next presence that is pushed."""
    while (frame := await client.next()).get("op") != "presence":
        pass
    assert frame["d"].keys() == {"user_id", "state"}
    return frame["d"]["state"]


async def test_who_says_nothing_is_not_there(join, direct) -> None:
    async with join("ada", positions={direct: 3}), join("bob", positions={direct: 3}) as bob:
        answer = await bob.ask("presence", of=["user-ada"])
        assert answer["ok"] == {"presence": {"user-ada": {"state": "offline", "last_active": None}}}


async def test_a_change_is_told_and_can_be_asked_for(join, direct, followed) -> None:
    async with join("bob", positions={direct: 3}) as bob:
        await followed()
        async with join("ada", positions={direct: 3}) as ada:
            for said in ("online", "away", "away", "online"):
                assert (await ada.ask("presence", state=said))["ok"] == {"presence": {}}
            assert [await presence(bob) for _ in range(3)] == ["online", "away", "online"]
            assert await state_of(bob, "user-ada") == "online"
        assert await presence(bob) == "offline"
        answer = (await bob.ask("presence", of=["user-ada"]))["ok"]["presence"]["user-ada"]
        assert answer["state"] == "offline"
        assert answer["last_active"] is not None


async def test_who_chooses_to_look_offline_does(join, direct, followed) -> None:
    at = {direct: 3}
    async with join("bob", positions=at) as bob, join("ada", positions=at) as ada, join("ada", positions=at) as phone:
        await followed()
        await ada.ask("presence", state="online")
        await phone.ask("presence", state="offline")
        assert [await presence(bob) for _ in range(2)] == ["online", "offline"]
        assert await state_of(bob, "user-ada") == "offline"


async def test_a_person_is_there_while_any_socket_of_any_gateway_is(gateway, direct, followed) -> None:
    async with gateway() as one, gateway() as two, one("bob", positions={direct: 3}) as bob:
        await followed()
        async with one("ada", positions={direct: 3}) as phone:
            await phone.ask("presence", state="online")
            async with two("ada", positions={direct: 3}) as laptop:
                await laptop.ask("presence", state="away")
            await eventually(lambda: _is(bob, "online"))
            async with two("ada", positions={direct: 3}) as laptop:
                await laptop.ask("presence", state="online")
                await phone.ask("presence", state="away")
                assert await state_of(bob, "user-ada") == "online"
            await eventually(lambda: _is(bob, "away"))


async def _is(client, state: str) -> bool:
    return await state_of(client, "user-ada") == state


async def test_who_is_back_in_a_moment_was_never_gone(gateway, direct, followed) -> None:
    async with gateway(presence_grace_seconds=60) as join, join("bob", positions={direct: 3}) as bob:
        await followed()
        for _ in range(2):
            async with join("ada", positions={direct: 3}) as ada:
                await ada.ask("presence", state="online")
        assert await presence(bob) == "online"
        assert await state_of(bob, "user-ada") == "online"
        assert [frame for frame in bob.frames if frame.get("op") == "presence"] == []


@pytest.mark.parametrize("blocker", ["user-ada", "user-bob"])
async def test_presence_does_not_cross_a_block(join, backend, direct, followed, blocker) -> None:
    backend.blocked[blocker].add("user-bob" if blocker == "user-ada" else "user-ada")
    async with join("bob", positions={direct: 3}) as bob, join("ada", positions={direct: 3}) as ada:
        await followed()
        await ada.ask("presence", state="online")
        assert (await bob.ask("presence", of=["user-ada", "user-stranger"]))["ok"] == {"presence": {}}
        assert bob.frames == []


async def test_a_group_hears_nothing_of_presence(join, conversation, followed) -> None:
    async with join("bob", positions={conversation: 3}) as bob, join("ada", positions={conversation: 3}) as ada:
        await followed()
        await ada.ask("presence", state="online")
        await ada.ask("typing", c=conversation)
        assert (await bob.next())["op"] == "typing"


async def test_what_is_said_is_repeated_before_it_expires(gateway, direct, valkey, namespace) -> None:
    async def words() -> dict[bytes, bytes]:
        return await valkey.hgetall(f"{namespace}:presence:user-ada")

    async with gateway(presence_seconds=0.5) as join, join("ada", positions={direct: 3}) as ada:
        await ada.ask("presence", state="online")
        said = await words()

        async def said_again() -> bool:
            return await words() != said

        await eventually(said_again)


async def test_the_word_of_a_gateway_that_died_expires(gateway, direct, valkey, namespace) -> None:
    async with gateway() as join, join("bob", positions={direct: 3}) as bob:
        key = f"{namespace}:presence:user-ada"
        await valkey.hset(key, mapping={"dead": "1000:online", "told": "online", "at": "1000"})
        answer = (await bob.ask("presence", of=["user-ada"]))["ok"]["presence"]["user-ada"]
        assert answer == {"state": "offline", "last_active": "1970-01-01T00:00:01.000Z"}


async def test_without_valkey_there_is_no_presence_and_no_error(gateway, direct) -> None:
    async with gateway(valkey_url="redis://127.0.0.1:1/0") as join, join("ada", positions={direct: 3}) as ada:
        assert (await ada.ask("presence", state="online", of=["user-bob"]))["ok"] == {"presence": {}}
