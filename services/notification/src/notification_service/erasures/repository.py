"""What the table `notifications` keeps of a person: their own inbox, and by its index `by_actor` what tells of them."""

from collections.abc import Mapping
from typing import Any

from servicekit.dynamodb import count_items, delete_items, query_items, to_item

ACTOR_INDEX = "by_actor"
BATCH = 500


class ErasureRepository:
    """Finds what is kept of a person, and takes it away."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def erase(self, user_id: str) -> bool:
        """Delete some of it; returns whether there was any."""
        found = [
            *await query_items(self._client, most=BATCH, **self._inbox(user_id), ConsistentRead=True),
            *await query_items(self._client, most=BATCH, **self._told_of(user_id)),
        ]
        keys = {(row["user_id"], row["id"]): {"user_id": row["user_id"], "id": row["id"]} for row in found}
        await delete_items(self._client, self._table, list(keys.values()))
        return bool(keys)

    async def left(self, user_id: str) -> dict[str, int]:
        """What is left, by kind, without those of which nothing is. The index may be behind by a moment."""
        counts = {
            "notifications": await count_items(self._client, **self._inbox(user_id), ConsistentRead=True),
            "notifications of others": await count_items(self._client, **self._told_of(user_id)),
        }
        return {kind: count for kind, count in counts.items() if count}

    def _inbox(self, user_id: str) -> dict[str, Any]:
        return self._query("user_id = :user", {":user": user_id})

    def _told_of(self, user_id: str) -> dict[str, Any]:
        return self._query("actor = :user", {":user": user_id}) | {"IndexName": ACTOR_INDEX}

    def _query(self, condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_item(values),
        }
