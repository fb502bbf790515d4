"""Recovery codes in DynamoDB, one item a person: a map from the marks of the codes that are left to what each opens."""

from collections.abc import Mapping
from typing import Any

from servicekit.dynamodb import from_item, holds, to_item


class RecoveryCodeRepository:
    """Keeps what recovery codes open."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def put(self, user_id: str, sealed: Mapping[str, str]) -> None:
        """Keep codes in the place of all earlier ones."""
        item = to_item({"user_id": user_id, "sealed": dict(sealed)})
        await self._dynamodb.put_item(TableName=self._table, Item=item)

    async def get(self, user_id: str) -> dict[str, str]:
        """What the codes that are left open, by their marks."""
        found = await self._dynamodb.get_item(
            TableName=self._table, Key=to_item({"user_id": user_id}), ConsistentRead=True
        )
        return dict(from_item(found["Item"])["sealed"]) if "Item" in found else {}

    async def remove(self, user_id: str, mark: str) -> bool:
        """Use up a code; returns False when it was used before: of two at once one gets it."""
        return await holds(
            self._dynamodb.update_item(
                TableName=self._table,
                Key=to_item({"user_id": user_id}),
                UpdateExpression="REMOVE sealed.#mark",
                ConditionExpression="attribute_exists(sealed.#mark)",
                ExpressionAttributeNames={"#mark": mark},
            )
        )

    async def delete(self, user_id: str) -> None:
        """Forget all codes of a person; again is harmless."""
        await self._dynamodb.delete_item(TableName=self._table, Key=to_item({"user_id": user_id}))
