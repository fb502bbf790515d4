"""DynamoDB: values in and out of its wire form, and a transaction that is filled bit by bit.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html: at most 100 items.
"""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

MAX_ITEMS = 100

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Python values as attribute values; None is left out."""
    return {name: _serialize(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Attribute values as Python values; whole numbers as int."""
    values = {name: _deserialize(value) for name, value in item.items()}
    return {name: int(value) if _is_whole(value) else value for name, value in values.items()}


def _is_whole(value: Any) -> bool:
    return hasattr(value, "to_integral_value") and value == value.to_integral_value()


class Transaction:
    """Writes that happen together or not at all."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

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

    async def commit(self, client: Any) -> None:
        """Write; raises the SDK's `TransactionCanceledException` when a condition fails."""
        if len(self.items) > MAX_ITEMS:
            raise ValueError(f"a transaction takes at most {MAX_ITEMS} items, not {len(self.items)}")
        await client.transact_write_items(TransactItems=self.items)


def is_condition_failure(error: Exception, index: int = 0) -> bool:
    """Whether a cancelled transaction failed by the condition of its item at `index`."""
    response = getattr(error, "response", {})
    reasons = response.get("CancellationReasons") or []
    return len(reasons) > index and bool(reasons[index].get("Code") == "ConditionalCheckFailed")
