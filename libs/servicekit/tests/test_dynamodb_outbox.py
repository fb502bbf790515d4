"""The relay of DynamoDB: a subject's order, heirs of the dead, and events that nobody can publish."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servicekit.dynamodb import Transaction, count_items, delete_items, from_item, to_item
from servicekit.dynamodb_lease import Lease
from servicekit.dynamodb_outbox import LANES, SET_ASIDE, DynamoOutbox, DynamoRelay, lane_of
from servicekit.sns import BATCH_BYTES, PublishFailed
from servicekit.testing import PREFIX, eventually
from servicekit.testing_events import Recorder, happening

TABLE = f"{PREFIX}-probe-outbox"


@pytest.fixture
async def client(aws, declare):
    """The SDK's client, in whose account the outbox is."""
    declare(tables={"outbox": {"hash_key": {"name": "lane"}, "range_key": {"name": "place"}}})
    return await aws.client("dynamodb")


@pytest.fixture
def topic():
    """Where things are published."""
    return Recorder()


def relay_of(client, topic, **options):
    return DynamoRelay(name="test", client=client, table=TABLE, publisher=topic, **options)


async def happen(client, *events):
    outbox, work = DynamoOutbox(TABLE), Transaction()
    for event in events:
        outbox.add(work, event)
    await work.commit(client)


async def waiting(client, lane):
    found = await client.query(
        TableName=TABLE,
        KeyConditionExpression="lane = :lane",
        ExpressionAttributeValues=to_item({":lane": lane}),
        ConsistentRead=True,
    )
    return [from_item(item) for item in found["Items"]]


async def left(client):
    """How many items the outbox holds."""
    return (await client.scan(TableName=TABLE, Select="COUNT", ConsistentRead=True))["Count"]


def test_subjects_spread_over_all_lanes():
    assert {lane_of(f"subject-{number}") for number in range(200)} == {str(number) for number in range(LANES)}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subjects=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=24),
    batch=st.integers(1, 5),
    failing=st.sets(st.integers(0, 6)),
)
async def test_every_event_goes_out_and_each_subject_keeps_its_order(client, subjects, batch, failing):
    topic, outbox = Recorder(), DynamoOutbox(TABLE)
    relay = relay_of(client, topic, batch=batch)
    for number, subject in enumerate(subjects):
        work = Transaction()
        outbox.add(work, happening(f"{subject}{number:02d}", subject))
        await work.commit(client)
    for step in range(60):
        topic.refuses = step in failing
        try:
            if await relay.step() == 0:
                break
        except PublishFailed:
            assert step in failing
    assert sorted(topic.published) == sorted(f"{subject}{number:02d}" for number, subject in enumerate(subjects))
    for subject in set(subjects):
        of_subject = [name for name in topic.published if name[0] == subject]
        assert of_subject == sorted(of_subject)
    assert await left(client) == 0


async def test_an_event_that_sns_would_not_take_is_refused_when_it_is_put():
    with pytest.raises(ValueError, match="does not fit"):
        DynamoOutbox(TABLE).put(happening("x" * BATCH_BYTES))


async def test_an_event_that_sns_blames_is_set_aside_and_the_others_go_out(client, topic):
    await happen(client, happening("a"), happening("bad"), happening("c"))
    topic.blames = {"bad"}
    await relay_of(client, topic).step()
    assert set(topic.published) == {"a", "c"}
    (aside,) = await waiting(client, SET_ASIDE)
    assert (aside["home"], aside["why"]) == (lane_of("c"), "not like that")
    assert await waiting(client, lane_of("c")) == []


async def test_an_event_of_an_unknown_type_waits_for_the_release_that_knows_it(client, topic):
    item = DynamoOutbox(TABLE).put(happening("later"))
    body = item["Put"]["Item"]["event"]["S"]
    item["Put"]["Item"]["event"]["S"] = body.replace("chat.member.joined.v1", "chat.member.joined.v9")
    await client.put_item(**item["Put"])
    await happen(client, happening("now"))
    relay = relay_of(client, topic)
    await relay.step()
    assert topic.published == ["now"]

    (aside,) = await waiting(client, SET_ASIDE)
    await client.put_item(TableName=TABLE, Item=to_item({**aside, "event": body}))  # as if it were known now
    await relay.try_again()
    await relay.step()
    assert topic.published == ["now", "later"]
    assert await left(client) == 0


async def test_an_heir_takes_over_from_a_relay_that_died_without_a_word(client, topic):
    dead = Lease(client, TABLE, {"lane": "lease", "place": "test"})
    assert await dead.take()
    await happen(client, happening("a"))
    stopping = asyncio.Event()
    running = asyncio.create_task(relay_of(client, topic, lease_seconds=0.5).run(stopping))
    await eventually(lambda: _has(topic, "a"))
    stopping.set()
    await running
    assert await left(client) == 0


async def _has(topic, name):
    return name in topic.published


async def test_nothing_more_is_published_by_a_relay_that_lost_the_lead(client, topic):
    stopping = asyncio.Event()
    running = asyncio.create_task(relay_of(client, topic, lease_seconds=0.3).run(stopping))
    await happen(client, happening("a"))
    await eventually(lambda: _has(topic, "a"))
    usurper = {"owner": "somebody else", "beat": 1}
    await client.put_item(TableName=TABLE, Item=to_item({"lane": "lease", "place": "test", **usurper}))

    async def lost():
        (lease,) = await waiting(client, "lease")
        return lease["owner"] != "somebody else"

    await eventually(lost)  # it stood still for a lease, and was taken again
    stopping.set()
    await running
    assert await left(client) == 0


class Clock:
    """Tells the time that it is set to."""

    now = 100.0

    def __call__(self):
        return self.now


async def test_a_lease_is_taken_over_only_when_its_holder_stood_still_for_the_whole_of_it(client):
    clock = Clock()
    key = {"lane": "lease", "place": "x"}
    holder, heir = (Lease(client, TABLE, key, seconds=9, clock=clock) for _ in range(2))
    assert await holder.take()
    assert not await heir.take()
    clock.now += 5
    assert await holder.keep()
    assert not await heir.take()
    clock.now += 8.9
    assert not await heir.take()
    clock.now += 0.2
    assert await heir.take()
    assert not await holder.keep()
    await holder.release()
    assert await heir.keep()


async def test_of_many_who_see_a_holder_die_one_takes_the_lease(client):
    clock = Clock()
    key = {"lane": "lease", "place": "x"}
    heirs = [Lease(client, TABLE, key, seconds=9, clock=clock) for _ in range(6)]
    assert await Lease(client, TABLE, key, clock=clock).take()
    await asyncio.gather(*(heir.take() for heir in heirs))
    clock.now += 10
    assert (await asyncio.gather(*(heir.take() for heir in heirs))).count(True) == 1


async def test_deleting_takes_as_many_calls_as_it_needs(client):
    keys = [{"lane": "s", "place": f"{number:03d}"} for number in range(60)]
    for key in keys:
        await client.put_item(TableName=TABLE, Item=to_item(key))
    await delete_items(client, TABLE, [*keys[:55], {"lane": "s", "place": "never there"}])
    query = {"KeyConditionExpression": "lane = :s", "ExpressionAttributeValues": {":s": {"S": "s"}}}
    assert await count_items(client, TableName=TABLE, **query) == 5
