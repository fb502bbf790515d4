"""`Idempotency-Key` over DynamoDB: one effect a key, however many ask at once."""

import asyncio
import time

import pytest

from messenger_contracts.shapes import Shape
from servicekit.aws import Aws
from servicekit.dynamodb import Transaction, change_of, count_items, to_item
from servicekit.dynamodb_idempotency import DynamoIdempotency
from servicekit.errors import Conflict
from servicekit.idempotency import Answer, Attempt, KeyMismatch

ANSWERS, THINGS = "answers", "things"
FIRST = Attempt("ada", "key", b"one")


class Made(Shape):
    id: str


class Taken(Conflict):
    """The thing is there."""


@pytest.fixture
async def client(aws: Aws):
    client = await aws.client("dynamodb")
    await client.create_table(
        TableName=THINGS,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    of_caller = [{"AttributeName": "caller", "KeyType": "HASH"}, {"AttributeName": "attempt", "KeyType": "RANGE"}]
    await client.create_table(
        TableName=ANSWERS,
        KeySchema=[{"AttributeName": "attempt", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("attempt", "caller")],
        GlobalSecondaryIndexes=[
            {"IndexName": "caller", "KeySchema": of_caller, "Projection": {"ProjectionType": "KEYS_ONLY"}}
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def ask(client):
    """Have a thing made, as a request does."""
    idempotency = DynamoIdempotency(client, ANSWERS)

    async def once(attempt: Attempt, thing: str) -> Answer[Made]:
        async def make(work: Transaction) -> Answer[Made]:
            work.put_new(THINGS, {"id": thing}, "id")
            return Answer(Made(id=thing))

        return await idempotency.once(attempt, Made, make, refusals={0: Taken})

    return once


async def test_of_many_at_once_one_takes_effect_and_all_get_its_answer(ask, client) -> None:
    answers = await asyncio.gather(*(ask(FIRST, f"thing-{number}") for number in range(6)))

    assert len({answer.body.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert (await client.scan(TableName=THINGS))["Count"] == 1


async def test_a_key_is_its_callers_own_and_for_one_request(ask) -> None:
    await ask(FIRST, "a")

    with pytest.raises(KeyMismatch):
        await ask(Attempt("ada", "key", b"two"), "b")
    assert not (await ask(Attempt("bob", "key", b"two"), "b")).replayed


async def test_a_refusal_keeps_nothing(ask) -> None:
    await ask(Attempt("bob", None), "a")

    with pytest.raises(Taken):
        await ask(FIRST, "a")
    assert not (await ask(FIRST, "b")).replayed


async def test_without_a_key_each_request_stands_for_itself(ask, client) -> None:
    for thing in ("a", "b"):
        assert not (await ask(Attempt("ada", None), thing)).replayed
    assert (await client.scan(TableName=ANSWERS))["Count"] == 0


async def test_after_a_day_a_key_is_free_again(ask, client) -> None:
    await ask(FIRST, "a")
    [row] = (await client.scan(TableName=ANSWERS))["Items"]
    past = change_of(ANSWERS, {"attempt": row["attempt"]["S"]}, assign={"expires_at": int(time.time()) - 1})
    await client.update_item(**past)

    answer = await ask(FIRST, "b")

    assert (answer.body.id, answer.replayed) == ("b", False)


async def test_a_change_assigns_removes_and_adds_where_its_condition_holds(client) -> None:
    await client.put_item(TableName=THINGS, Item=to_item({"id": "a", "status": "old", "name": "n", "size": 1}))
    change = change_of(
        THINGS,
        {"id": "a"},
        assign={"status": "new", "name": None},
        add={"size": 2},
        condition="#status = :was",
        values={"was": "old"},
    )

    await client.update_item(**change)

    [row] = (await client.scan(TableName=THINGS))["Items"]
    assert row == to_item({"id": "a", "status": "new", "size": 3})
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        await client.update_item(**change)
    by_key = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": to_item({":id": "a"})}
    assert await count_items(client, TableName=THINGS, **by_key) == 1


async def test_what_one_caller_was_answered_is_forgotten_and_nothing_else(ask, client, monkeypatch) -> None:
    monkeypatch.setattr("servicekit.dynamodb_idempotency.FORGOTTEN_AT_ONCE", 2)
    for number in range(5):
        await ask(Attempt("ada", f"key-{number}", b"one"), f"thing-{number}")
    await ask(Attempt("bob", "key", b"one"), "his")
    answers = DynamoIdempotency(client, ANSWERS)
    assert (await answers.count("ada"), await answers.count("bob")) == (5, 1)

    await answers.forget("ada")

    assert (await answers.count("ada"), await answers.count("bob")) == (0, 1)
    assert not (await ask(Attempt("ada", "key-0", b"another"), "thing-5")).replayed
