"""DynamoDB: values in and out of its wire form, reads that go on until they are complete, and a transaction.

A service's tables, keys and conditions do not belong here: they stand in its repositories.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html: at most 100 items.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

MAX_ITEMS = 100
MAX_BATCH = 100
MAX_READ = 1000
MAX_DELETES = 25
CONFLICTS = 6
"""How often a transaction that meets others is tried."""
BACKOFF_SECONDS = 2.0

_NAME = re.compile(r"#(\w+)")
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Python values as attribute values; None is left out."""
    return {name: _serialize(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Attribute values as Python values; whole numbers as int, at any depth."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    match value:
        case Decimal() if value == value.to_integral_value():
            return int(value)
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case set():
            return {_plain(inner) for inner in value}
    return value


async def query_items(client: Any, *, most: int, **request: Any) -> list[dict[str, Any]]:
    """The first `most` items of a query that pass its filter, in the index's order.

    DynamoDB cuts a page before it filters, so pages are read, ever larger ones, until there are enough.
    """
    found: list[dict[str, Any]] = []
    size = most
    while True:
        page = await client.query(Limit=size, **request)
        found += map(from_item, page["Items"])
        if len(found) >= most or "LastEvaluatedKey" not in page:
            return found[:most]
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        size = max(size, min(size * 2, MAX_READ))


async def count_items(client: Any, **request: Any) -> int:
    """How many items a query finds, over all of its pages."""
    pages = client.get_paginator("query").paginate(Select="COUNT", **request)
    return sum([page["Count"] async for page in pages])


async def get_items(client: Any, table: str, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The items with these keys that are there, as they are now, in any order."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(keys), MAX_BATCH):
        wanted = {table: {"Keys": [to_item(key) for key in keys[start : start + MAX_BATCH]], "ConsistentRead": True}}
        pause = 0.05
        while wanted:
            answer = await client.batch_get_item(RequestItems=wanted)
            found += map(from_item, answer["Responses"].get(table, []))
            wanted = answer.get("UnprocessedKeys") or {}
            if wanted:  # throttled: the AWS guide asks for exponential backoff
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - jitter, not a secret
                pause = min(pause * 2, BACKOFF_SECONDS)
    return found


async def delete_items(client: Any, table: str, keys: Sequence[Mapping[str, Any]]) -> None:
    """Delete the items with these keys; one that is not there is no error."""
    for start in range(0, len(keys), MAX_DELETES):
        some = keys[start : start + MAX_DELETES]
        wanted = {table: [{"DeleteRequest": {"Key": to_item(key)}} for key in some]}
        pause = 0.05
        while wanted:
            wanted = (await client.batch_write_item(RequestItems=wanted)).get("UnprocessedItems") or {}
            if wanted:  # throttled, as above
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - jitter, not a secret
                pause = min(pause * 2, BACKOFF_SECONDS)


def change_of(
    table: str,
    key: Mapping[str, Any],
    *,
    assign: Mapping[str, Any] | None = None,
    add: Mapping[str, int] | None = None,
    condition: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The request that changes one item: what to assign, where None removes, and what to add to numbers.

    In a condition, attributes are written `#name`, so that none is a reserved word, and the given values `:name`.
    """
    assign, add = assign or {}, add or {}
    clauses = {
        "SET": [f"#{name} = :new_{name}" for name, value in assign.items() if value is not None],
        "ADD": [f"#{name} :more_{name}" for name in add],
        "REMOVE": [f"#{name}" for name, value in assign.items() if value is None],
    }
    bound = {f":{name}": value for name, value in (values or {}).items()}
    bound |= {f":new_{name}": value for name, value in assign.items()}
    bound |= {f":more_{name}": value for name, value in add.items()}
    expression = " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses.items() if parts)
    request: dict[str, Any] = {"TableName": table, "Key": to_item(key), "UpdateExpression": expression}
    request["ExpressionAttributeNames"] = {
        f"#{name}": name for name in _NAME.findall(f"{expression} {condition or ''}")
    }
    if condition:
        request["ConditionExpression"] = condition
    if present := to_item(bound):
        request["ExpressionAttributeValues"] = present
    return request


class Transaction:
    """Writes that happen together or not at all."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def put(self, table: str, values: Mapping[str, Any]) -> None:
        """Put an item, in the place of one with its key."""
        self.items.append({"Put": {"TableName": table, "Item": to_item(values)}})

    def put_new(self, table: str, values: Mapping[str, Any], key: str) -> None:
        """Insert an item; the transaction fails when one with this key is there."""
        self.items.append(
            {
                "Put": {
                    "TableName": table,
                    "Item": to_item(values),
                    "ConditionExpression": "attribute_not_exists(#key)",
                    "ExpressionAttributeNames": {"#key": key},
                }
            }
        )

    def update(
        self,
        table: str,
        key: Mapping[str, Any],
        change: str,
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Change an item by an update expression; the transaction fails when its condition does."""
        self._add("Update", table, key, condition, values, names, UpdateExpression=change)

    def change(self, table: str, key: Mapping[str, Any], **change: Any) -> None:
        """Change an item as `change_of` says; the transaction fails when its condition does."""
        self.items.append({"Update": change_of(table, key, **change)})

    def delete(
        self,
        table: str,
        key: Mapping[str, Any],
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Delete an item; the transaction fails when its condition does."""
        self._add("Delete", table, key, condition, values, names)

    def check(
        self, table: str, key: Mapping[str, Any], condition: str, values: Mapping[str, Any] | None = None
    ) -> None:
        """Write nothing; the transaction fails when the condition of the item with this key does."""
        self._add("ConditionCheck", table, key, condition, values, None)

    def _add(
        self,
        kind: str,
        table: str,
        key: Mapping[str, Any],
        condition: str | None,
        values: Mapping[str, Any] | None,
        names: Mapping[str, str] | None,
        **more: str,
    ) -> None:
        write: dict[str, Any] = {"TableName": table, "Key": to_item(key), **more}
        if condition:
            write["ConditionExpression"] = condition
        if values:
            write["ExpressionAttributeValues"] = to_item(values)
        if names:
            write["ExpressionAttributeNames"] = dict(names)
        self.items.append({kind: write})

    async def commit(self, client: Any) -> None:
        """Write; raises the SDK's `TransactionCanceledException` when a condition fails.

        One that met another write of the same item is tried again: the SDK leaves that to the caller.
        """
        if len(self.items) > MAX_ITEMS:
            raise ValueError(f"a transaction takes at most {MAX_ITEMS} items, not {len(self.items)}")
        for attempt in range(1, CONFLICTS + 1):
            try:
                await client.transact_write_items(TransactItems=self.items)
            except ClientError as error:
                if attempt == CONFLICTS or not _is_conflict(error):
                    raise
                await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - jitter, not a secret
            else:
                return


def _is_conflict(error: ClientError) -> bool:
    """Whether a transaction was cancelled because others were at its items, and for no other reason."""
    codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
    return bool(codes) and codes <= {"None", "TransactionConflict"}


def is_condition_failure(error: Exception, index: int = 0) -> bool:
    """Whether a write failed by its condition; of a cancelled transaction, by that of its item at `index`."""
    response = getattr(error, "response", {})
    if response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
        return True
    reasons = response.get("CancellationReasons") or []
    return len(reasons) > index and bool(reasons[index].get("Code") == "ConditionalCheckFailed")


async def holds(write: Awaitable[Any]) -> bool:
    """Make a conditional write; False when its condition, of a transaction its first item's, did not hold.

    Then nothing was written.
    """
    try:
        await write
    except ClientError as error:
        if is_condition_failure(error):
            return False
        raise
    return True
