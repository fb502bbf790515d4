"""Both relays behave alike: what was committed goes out, in order, at least once, by one relay at a time."""

import asyncio

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import text

from servicekit.dynamodb import Transaction
from servicekit.dynamodb_outbox import LEASE, DynamoOutbox, DynamoRelay
from servicekit.outbox import PostgresRelay
from servicekit.sns import PublishFailed
from servicekit.testing import PREFIX, eventually
from servicekit.testing_events import Recorder, happening

OUTBOX, EFFECTS = f"{PREFIX}-probe-outbox", f"{PREFIX}-probe-effects"


class Dynamo:
    """An outbox in DynamoDB."""

    def __init__(self, client):
        self.client = client
        self._outbox = DynamoOutbox(OUTBOX)

    def relay(self, topic, **options):
        return DynamoRelay(name="test", client=self.client, table=OUTBOX, publisher=topic, **options)

    async def step(self, relay):
        return await relay.step()

    async def happen(self, *names):
        work = Transaction()
        for name in names:
            self._outbox.add(work, happening(name))
        await work.commit(self.client)

    async def fail(self, name):
        """A transaction that holds an event and fails."""
        work = Transaction()
        work.put_new(EFFECTS, {"id": "there"}, "id")
        await work.commit(self.client)
        self._outbox.add(work, happening(name))
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            await work.commit(self.client)

    async def has_leader(self):
        found = await self.client.query(
            TableName=OUTBOX,
            KeyConditionExpression="lane = :lease",
            ExpressionAttributeValues={":lease": {"S": LEASE}},
            ConsistentRead=True,
        )
        return bool(found["Items"])


class Postgres:
    """An outbox in PostgreSQL."""

    def __init__(self, database, source):
        self._database = database
        self._source = source

    def relay(self, topic, **options):
        options.pop("lease_seconds", None)
        return PostgresRelay(name="test", database=self._database, source=self._source, publisher=topic, **options)

    async def step(self, relay):
        async with self._database.connection() as connection:
            return await relay.step(connection)

    async def happen(self, *names):
        async with self._database.engine.begin() as connection:
            await self._write(connection, *names)

    async def fail(self, name):
        """A transaction that holds an event and fails."""
        async with self._database.connection() as connection:
            await self._write(connection, name)
            await connection.rollback()

    async def has_leader(self):
        locks = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        async with self._database.connection() as connection:
            return bool((await connection.execute(text(f"{locks} AND {here}"))).all())

    async def _write(self, connection, *names):
        for name in names:
            await connection.execute(text("INSERT INTO happenings (id) VALUES (:id)"), {"id": name})


@pytest.fixture
async def dynamo(aws, declare):
    """A table of the test's own."""
    keys = {"hash_key": {"name": "lane"}, "range_key": {"name": "place"}}
    declare(tables={"outbox": keys, "effects": {"hash_key": {"name": "id"}}})
    return Dynamo(await aws.client("dynamodb"))


@pytest.fixture
def postgres(outbox_database, happenings):
    """A database of the test's own."""
    return Postgres(outbox_database, happenings)


@pytest.fixture(params=["dynamo", "postgres"])
def store(request):
    """Each of the two."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def topic():
    """Where things are published."""
    return Recorder()


async def published(store, relay, topic, count):
    """Step until so many events are out: others on the server may hold PostgreSQL's horizon back for a moment."""

    async def enough():
        await store.step(relay)
        return len(topic.published) >= count

    await eventually(enough)
    return topic.published


async def test_what_was_committed_is_published_in_order(store, topic):
    await store.happen("a", "b")
    await store.happen("c")
    assert await published(store, store.relay(topic), topic, 3) == ["a", "b", "c"]


async def test_what_was_published_is_not_published_again(store, topic):
    relay = store.relay(topic)
    await store.happen("a")
    await published(store, relay, topic, 1)
    assert await store.step(relay) == 0


async def test_what_was_rolled_back_is_not_published(store, topic):
    await store.fail("never")
    await store.happen("a")
    assert await published(store, store.relay(topic), topic, 1) == ["a"]


async def test_a_batch_ends_at_its_limit_and_the_next_goes_on(store, topic):
    relay = store.relay(topic, batch=2)
    await store.happen("a", "b", "c")
    assert await published(store, relay, topic, 1) == ["a", "b"]
    assert await published(store, relay, topic, 3) == ["a", "b", "c"]


async def test_nothing_is_lost_while_sns_refuses(store, topic):
    relay = store.relay(topic)
    await store.happen("a")
    topic.refuses = True

    async def refused():
        try:
            await store.step(relay)
        except PublishFailed:
            return True
        return False

    await eventually(refused)
    topic.refuses = False
    assert await published(store, relay, topic, 1) == ["a"]


class Forgetful(Recorder):
    """A topic whose answer gets lost once, after it took the events."""

    forgets = True

    async def publish(self, events):
        await super().publish(events)
        if events and self.forgets:
            self.forgets = False
            raise TimeoutError


async def test_what_may_have_gone_out_is_published_again(store):
    topic = Forgetful()
    relay = store.relay(topic)
    await store.happen("a")

    async def forgotten():
        try:
            await store.step(relay)
        except TimeoutError:
            return True
        return False

    await eventually(forgotten)
    assert await published(store, relay, topic, 2) == ["a", "a"]


async def test_one_relay_leads_and_the_next_takes_over_when_it_ends(store):
    topics, stops = [Recorder(), Recorder()], [asyncio.Event(), asyncio.Event()]
    running = [asyncio.create_task(store.relay(topic).run(stop)) for topic, stop in zip(topics, stops, strict=True)]

    async def who_published(name):
        return [place for place, topic in enumerate(topics) if name in topic.published]

    await store.happen("first")
    (leader,) = await eventually(lambda: who_published("first"))
    stops[leader].set()
    await running[leader]
    await store.happen("second")
    assert await eventually(lambda: who_published("second")) == [1 - leader]
    stops[1 - leader].set()
    await asyncio.gather(*running)
    assert not await store.has_leader()
