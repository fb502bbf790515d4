"""What gateways are told of blocks: at once, when a client returns, and when they ask."""

import json

import asyncpg
import pytest

from messenger_contracts.commands import Relations
from messenger_contracts.events.social_graph import UserBlocked
from messenger_contracts.identity import service
from messenger_contracts.realtime import Fanout, user_channel
from servicekit.testing import PREFIX, eventually


@pytest.fixture
async def gateway(client, callers):
    """Asks chat's internal routes as a gateway."""
    headers = await callers.headers(service("gateway"))

    async def ask(path, body):
        answer = await client.post(f"/internal/{path}", headers=headers, json=body)
        assert answer.status_code == 200, answer.text
        return answer

    return ask


@pytest.fixture
async def heard(valkey):
    """What a gateway hears on the channels of people: call it with them, and await what comes next."""
    async with valkey.pubsub() as pubsub:

        async def receive(kind):
            message = await pubsub.get_message(timeout=1.0)
            return message if message and message["type"] == kind else None

        async def follow(*people):
            for person in people:
                await pubsub.subscribe(user_channel(PREFIX, person.id))
                await eventually(lambda: receive("subscribe"))

            async def following():
                message = await eventually(lambda: receive("message"))
                told = Fanout.model_validate_json(message["data"])
                return message["channel"].decode().rpartition(":")[2], told.relations

            return following

        yield follow


async def changed(gateway, people, after=0):
    body = {"user_ids": [person.id for person in people], "after": after}
    answer = (await gateway("relations", body)).json()
    return answer["relations"], answer["version"]


def relations(blocked=(), blocked_by=()):
    return {"blocked": [each.id for each in blocked], "blocked_by": [each.id for each in blocked_by]}


async def test_the_sockets_of_both_are_told_how_all_of_it_is_now(people, blocks, heard) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    await blocks.block(ada, eve)
    following = await heard(ada, bob)
    await blocks.block(ada, bob)
    assert dict([await following(), await following()]) == {
        ada.id: Relations(blocked=[bob.id, eve.id]),
        bob.id: Relations(blocked_by=[ada.id]),
    }


async def test_an_event_that_comes_again_is_told_again(people, blocks, heard) -> None:
    """The process that handled it first may have died before it could tell."""
    ada, bob = await people("ada", "bob")
    following = await heard(ada)
    event = blocks.event(UserBlocked, ada, bob)
    await blocks.take(event)
    await blocks.take(event)
    assert [await following() for _ in range(2)] == [(ada.id, Relations(blocked=[bob.id]))] * 2


async def test_a_returning_client_is_told_its_relations(people, blocks, gateway) -> None:
    ada, bob = await people("ada", "bob")
    await blocks.block(ada, bob)
    resumes = [{"user_id": each.id, "resume": {"positions": {}, "limit": 10}} for each in (ada, bob)]
    answer = await gateway("resumes", {"resumes": resumes})
    first, *_ = answer.content.splitlines()
    assert [each["relations"] for each in json.loads(first)] == [relations([bob]), relations((), [ada])]


async def test_a_gateway_that_asks_is_told_of_those_who_have_relations(people, blocks, gateway) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    await blocks.block(ada, bob)
    told, _ = await changed(gateway, [ada, bob, eve])
    assert told == {ada.id: relations([bob]), bob.id: relations((), [ada])}


async def test_it_is_told_nothing_of_people_whom_it_does_not_name(people, blocks, gateway) -> None:
    ada, bob = await people("ada", "bob")
    await blocks.block(ada, bob)
    told, _ = await changed(gateway, [bob])
    assert told.keys() == {bob.id}


async def test_later_it_is_told_what_changed_since(people, blocks, gateway) -> None:
    """And for a while what it knows already: as long as transactions run that are older than that."""
    ada, bob, eve, joe = everybody = await people("ada", "bob", "eve", "joe")
    await blocks.block(ada, bob)
    _, version = await changed(gateway, everybody)
    await blocks.block(eve, joe)
    told, _ = await changed(gateway, everybody, version)
    assert told.items() >= {eve.id: relations([joe]), joe.id: relations((), [eve])}.items()

    async def no_more():
        nonlocal version
        told, version = await changed(gateway, everybody, version)
        return not told

    assert await eventually(no_more)


async def test_the_end_of_a_block_is_told_too(people, blocks, gateway) -> None:
    everybody = ada, bob = await people("ada", "bob")
    await blocks.block(ada, bob)
    _, version = await changed(gateway, everybody)
    await blocks.unblock(ada, bob)
    assert (await changed(gateway, everybody, version))[0] == {ada.id: relations(), bob.id: relations()}


async def test_a_change_that_was_under_way_when_a_gateway_asked_is_told_the_next_time(
    people, gateway, sql, database_url
) -> None:
    everybody = ada, bob = await people("ada", "bob")
    other = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    transaction = other.transaction()
    await transaction.start()
    await other.execute("INSERT INTO blocks VALUES ($1, $2, true, 1)", ada.id, bob.id)
    await sql("INSERT INTO blocks VALUES ('a', 'b', true, 1)")
    told, version = await changed(gateway, everybody)
    assert told == {}
    await transaction.commit()
    await other.close()
    assert (await changed(gateway, everybody, version))[0].keys() == {ada.id, bob.id}


async def test_a_version_of_a_time_that_was_undone_says_nothing(people, blocks, gateway) -> None:
    everybody = ada, bob = await people("ada", "bob")
    await blocks.block(ada, bob)
    assert (await changed(gateway, everybody, 2**62))[0].keys() == {ada.id, bob.id}


async def test_people_cannot_ask(people) -> None:
    [ada] = await people("ada")
    answer = await ada.request("POST", "/internal/relations", json={"user_ids": [ada.id]})
    assert answer.status_code == 403
