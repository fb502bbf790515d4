"""Both ledgers behave alike: an event takes effect once, together with its row, or not at all."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from servicekit.dynamodb import Transaction
from servicekit.inbox import DynamoLedger
from servicekit.postgres import Database, create_engine
from servicekit.postgres_ledger import PostgresLedger
from servicekit.testing import PREFIX

LEDGER, EFFECTS = f"{PREFIX}-probe-ledger", f"{PREFIX}-probe-effects"


class Dynamo:
    """The ledger and its effects in DynamoDB."""

    def __init__(self, client):
        self._client = client
        self.ledger = DynamoLedger(client, LEDGER)

    def effect(self, effect_id):
        work = Transaction()
        work.put_new(EFFECTS, {"id": effect_id}, "id")
        return work

    async def count(self):
        return (await self._client.scan(TableName=EFFECTS, Select="COUNT"))["Count"]


class Postgres:
    """The ledger and its effects in PostgreSQL."""

    def __init__(self, database):
        self._database = database
        self.ledger = PostgresLedger(database)

    def effect(self, effect_id):
        async def work(session):
            await session.execute(text("INSERT INTO effects (id) VALUES (:id)"), {"id": effect_id})

        return work

    async def count(self):
        async with self._database.read() as session:
            return await session.scalar(text("SELECT count(*) FROM effects"))


@pytest.fixture
async def dynamo(aws, declare):
    """Tables of the test's own."""
    declare(tables={"ledger": {"hash_key": {"name": "event_id"}}, "effects": {"hash_key": {"name": "id"}}})
    return Dynamo(await aws.client("dynamodb"))


@pytest.fixture
async def postgres(empty_database_url):
    """A database of the test's own."""
    async with Database(create_engine(empty_database_url, name="ledger-test")) as database:
        async with database.write() as session:
            await session.execute(
                text("CREATE TABLE inbox_ledger (event_id text PRIMARY KEY, at timestamptz NOT NULL)")
            )
            await session.execute(text("CREATE TABLE effects (id text PRIMARY KEY)"))
        yield Postgres(database)


@pytest.fixture(params=["dynamo", "postgres"])
def store(request):
    """Each of the two."""
    return request.getfixturevalue(request.param)


async def test_an_event_takes_effect_once(store):
    outcomes = [await store.ledger.once("event", store.effect(str(uuid4()))) for _ in range(3)]
    assert outcomes == [True, False, False]
    assert await store.count() == 1


async def test_an_event_that_comes_many_times_at_once_takes_effect_once(store):
    async def deliver():
        try:
            return await store.ledger.once("event", store.effect(str(uuid4())))
        except Exception as error:  # DynamoDB refuses transactions that meet: the queue delivers again
            return error

    outcomes = await asyncio.gather(*(deliver() for _ in range(8)))
    assert outcomes.count(True) == 1
    assert await store.count() == 1


async def test_another_event_takes_effect_too(store):
    assert await store.ledger.once("event", store.effect("one"))
    assert await store.ledger.once("another event", store.effect("two"))
    assert await store.count() == 2


async def test_an_effect_that_fails_leaves_no_row_and_can_be_tried_again(store):
    await store.ledger.once("event", store.effect("there"))
    with pytest.raises(Exception, match=r"ConditionalCheckFailed|duplicate key"):
        await store.ledger.once("another event", store.effect("there"))
    assert await store.ledger.once("another event", store.effect("elsewhere"))


async def test_what_is_handled_at_the_same_time_stands_and_falls_on_its_own(store):
    await store.ledger.once("known", store.effect("there"))
    outcomes = await asyncio.gather(
        *(
            store.ledger.once(event_id, store.effect(effect_id))
            for event_id, effect_id in [("new", "one"), ("known", "two"), ("failing", "there"), ("also new", "three")]
        ),
        return_exceptions=True,
    )
    assert [outcomes[0], outcomes[1], outcomes[3]] == [True, False, True]
    assert isinstance(outcomes[2], Exception)
    assert await store.count() == 3
    assert await store.ledger.once("failing", store.effect("elsewhere"))


async def test_what_is_handled_at_the_same_time_is_committed_together(dynamo, monkeypatch):
    commits = []
    commit = Transaction.commit

    async def counted(self, client):
        commits.append(len(self.items))
        await commit(self, client)

    monkeypatch.setattr(Transaction, "commit", counted)
    effects = (dynamo.ledger.once(str(uuid4()), dynamo.effect(str(uuid4()))) for _ in range(60))
    assert all(await asyncio.gather(*effects))
    assert await dynamo.count() == 60
    assert len(commits) <= 3
    assert max(commits) <= 100
