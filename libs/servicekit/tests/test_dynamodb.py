"""Values, complete reads and transactions, on a real table."""

from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from servicekit.dynamodb import (
    MAX_ITEMS,
    Transaction,
    count_items,
    from_item,
    get_items,
    holds,
    is_condition_failure,
    query_items,
    to_item,
)

TABLE = "rows"
OF_BOB = {
    "TableName": TABLE,
    "KeyConditionExpression": "user_id = :user",
    "ExpressionAttributeValues": {":user": {"S": "bob"}},
}

scalars = st.booleans() | st.integers(-(10**37), 10**37) | st.text(max_size=20)
values_within = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
async def table(aws):
    """The SDK's client, and in its account a table of rows by person and number."""
    client = await aws.client("dynamodb")
    await client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "user_id", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


async def fill(client, rows, size=0):
    """Put bob's rows, each with `size` bytes of filling, in transactions of less than a megabyte."""
    step = min(MAX_ITEMS, 900_000 // (size + 100))
    for start in range(0, rows, step):
        work = Transaction()
        for number in range(start, min(start + step, rows)):
            work.put_new(TABLE, {"user_id": "bob", "number": number, "filling": "x" * size or None}, "user_id")
        await work.commit(client)


@given(st.dictionaries(st.text(min_size=1, max_size=9), values_within, max_size=5))
def test_values_come_back_as_they_went(values):
    assert from_item(to_item(values)) == values


def test_whole_numbers_come_back_as_int_at_any_depth():
    values = {"map": {"seq": 7, "list": [1, {"two": 2}]}, "set": {1, 2}, "part": Decimal("1.5")}
    found = from_item(to_item(values))
    assert found == values
    assert isinstance(found["map"]["seq"], int)
    assert isinstance(found["map"]["list"][1]["two"], int)
    assert all(isinstance(one, int) for one in found["set"])
    assert isinstance(found["part"], Decimal)


def test_a_boolean_stays_a_boolean():
    assert from_item(to_item({"read": True}))["read"] is True


def test_nothing_is_left_out_at_the_top_and_kept_within():
    assert from_item(to_item({"absent": None, "map": {"c": None}})) == {"map": {"c": None}}


async def test_a_query_stops_at_the_number_wanted(table):
    await fill(table, 10)
    assert [row["number"] for row in await query_items(table, most=4, **OF_BOB)] == [0, 1, 2, 3]


async def test_a_query_goes_on_behind_rows_that_its_filter_drops(table):
    await fill(table, 60)
    request = OF_BOB | {
        "ExpressionAttributeValues": {":user": {"S": "bob"}, ":tag": {"S": "wanted"}},
        "FilterExpression": "tag = :tag",
    }
    for number in (50, 51, 52, 53):
        await table.put_item(TableName=TABLE, Item=to_item({"user_id": "bob", "number": number, "tag": "wanted"}))
    rows = await query_items(table, most=3, **request)
    assert [row["number"] for row in rows] == [50, 51, 52]


async def test_a_query_for_more_than_there_is_gives_what_there_is(table):
    await fill(table, 3)
    assert len(await query_items(table, most=100, **OF_BOB)) == 3


async def test_a_count_takes_all_pages(table):
    await fill(table, 30, size=100_000)
    first_page = await table.query(Select="COUNT", **OF_BOB)
    assert first_page["Count"] < 30
    assert await count_items(table, **OF_BOB) == 30


async def test_more_items_than_a_batch_takes_are_all_got(table):
    await fill(table, 150)
    keys = [{"user_id": "bob", "number": number} for number in range(160)]
    assert sorted(row["number"] for row in await get_items(table, TABLE, keys)) == list(range(150))


async def test_items_that_dynamodb_put_off_are_asked_for_again():
    asked = []

    class Throttled:
        async def batch_get_item(self, *, RequestItems):  # noqa: N803 - the SDK's name
            keys = RequestItems[TABLE]["Keys"]
            asked.append(len(keys))
            put_off = {TABLE: {"Keys": keys[1:], "ConsistentRead": True}} if keys[1:] else {}
            return {"Responses": {TABLE: keys[:1]}, "UnprocessedKeys": put_off}

    found = await get_items(Throttled(), TABLE, [{"id": "a"}, {"id": "b"}, {"id": "c"}])
    assert [item["id"] for item in found] == ["a", "b", "c"]
    assert asked == [3, 2, 1]


async def test_a_transaction_writes_all_or_nothing_and_says_which_condition_failed(table):
    await fill(table, 1)
    work = Transaction()
    work.put_new(TABLE, {"user_id": "carol", "number": 1}, "user_id")
    work.put_new(TABLE, {"user_id": "bob", "number": 0}, "user_id")
    with pytest.raises(ClientError) as caught:
        await work.commit(table)
    assert [is_condition_failure(caught.value, index) for index in range(3)] == [False, True, False]
    assert await get_items(table, TABLE, [{"user_id": "carol", "number": 1}]) == []


async def test_a_transaction_fails_by_the_condition_of_an_item_that_it_does_not_write(table):
    await table.put_item(TableName=TABLE, Item=to_item({"user_id": "bob", "number": 1}))
    allowed, refused = Transaction(), Transaction()
    for work, number in ((allowed, 2), (refused, 1)):
        work.put(TABLE, {"user_id": "ada", "number": number})
        work.check(TABLE, {"user_id": "bob", "number": number}, "attribute_not_exists(user_id)")

    await allowed.commit(table)
    with pytest.raises(ClientError) as failure:
        await refused.commit(table)

    assert is_condition_failure(failure.value, 1)
    found = await query_items(table, most=9, **OF_BOB | {"ExpressionAttributeValues": {":user": {"S": "ada"}}})
    assert [row["number"] for row in found] == [2]


async def test_a_single_writes_failed_condition_is_told_from_other_failures(table):
    key = to_item({"user_id": "nobody", "number": 1})
    with pytest.raises(ClientError) as failed:
        await table.delete_item(
            TableName=TABLE,
            Key=key,
            ConditionExpression="attribute_exists(#o)",
            ExpressionAttributeNames={"#o": "user_id"},
        )
    with pytest.raises(ClientError) as refused:
        await table.delete_item(TableName="absent", Key=key)
    assert [is_condition_failure(failed.value), is_condition_failure(refused.value)] == [True, False]


async def test_a_condition_that_does_not_hold_is_an_answer_and_any_other_failure_is_none(table):
    def put(row: str):
        item = to_item({"user_id": row, "number": 1})
        return table.put_item(TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(user_id)")

    assert [await holds(put("ada")), await holds(put("ada"))] == [True, False]
    with pytest.raises(ClientError):
        await holds(table.delete_item(TableName="absent", Key=to_item({"user_id": "ada", "number": 1})))


async def test_a_transaction_beyond_the_limit_is_refused_before_it_is_sent():
    work = Transaction()
    for number in range(MAX_ITEMS + 1):
        work.put_new(TABLE, {"user_id": "bob", "number": number}, "user_id")
    with pytest.raises(ValueError, match="at most 100 items, not 101"):
        await work.commit(None)
