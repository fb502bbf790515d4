"""What is kept of a person beside files and albums: where they may look, whom they block, what they have twice.

By keys and indexes alone. An index may be behind by a moment: what it does not show yet is found when auth asks again,
and `usage` is not among it. It is the sum of the files, changes in their transactions, and is read as it is now: while
a file is there that no index shows, something is left.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from media_service.grants.domain import blocks
from servicekit.dynamodb import count_items, delete_items, holds, query_items, to_item

PERSON_INDEX = "person"


class ErasureRepository:
    """Finds what is kept of a person, and takes it away."""

    def __init__(self, client: Any, *, grants: str, digests: str, quotas: str) -> None:
        self._client = client
        self._grants = grants
        self._digests = digests
        self._quotas = quotas

    async def places(self, user_id: str, after: str | None, limit: int) -> list[str]:
        """The next places behind one that a person may look into, or might once."""
        query = _query(self._grants, "user_id = :user AND place > :after", {":user": user_id, ":after": after or " "})
        return [row["place"] for row in await query_items(self._client, most=limit, IndexName=PERSON_INDEX, **query)]

    async def forget_places(self, user_id: str, places: Sequence[str]) -> None:
        """Forget that a person may look into these places."""
        await delete_items(self._client, self._grants, [{"place": place, "user_id": user_id} for place in places])

    async def forget_blocks(self, user_id: str, batch: int) -> None:
        """Forget whom a person blocks."""
        while rows := await query_items(self._client, most=batch, **self._blocks(user_id), ConsistentRead=True):
            keys = [{"place": row["place"], "user_id": row["user_id"]} for row in rows]
            await delete_items(self._client, self._grants, keys)

    async def forget_digests(self, user_id: str, batch: int) -> None:
        """Forget which contents a person has."""
        while rows := await query_items(self._client, most=batch, **self._contents(user_id), ConsistentRead=True):
            keys = [{"owner_id": row["owner_id"], "sha256": row["sha256"]} for row in rows]
            await delete_items(self._client, self._digests, keys)

    async def forget_usage(self, user_id: str) -> None:
        """Forget how much space a person takes, once that is none."""
        await holds(
            self._client.delete_item(
                TableName=self._quotas,
                Key=to_item({"user_id": user_id}),
                ConditionExpression="#bytes = :none AND #reserved = :none",
                ExpressionAttributeNames={"#bytes": "bytes", "#reserved": "reserved"},
                ExpressionAttributeValues=to_item({":none": 0}),
            )
        )

    async def left(self, user_id: str) -> dict[str, int]:
        """What is left, by kind."""
        places = _query(self._grants, "user_id = :user", {":user": user_id})
        usage = _query(self._quotas, "user_id = :user", {":user": user_id})
        return {
            "places": await count_items(self._client, IndexName=PERSON_INDEX, **places),
            "blocks": await count_items(self._client, **self._blocks(user_id), ConsistentRead=True),
            "digests": await count_items(self._client, **self._contents(user_id), ConsistentRead=True),
            "usage": await count_items(self._client, **usage, ConsistentRead=True),
        }

    def _blocks(self, user_id: str) -> dict[str, Any]:
        return _query(self._grants, "place = :place", {":place": blocks(user_id)})

    def _contents(self, user_id: str) -> dict[str, Any]:
        return _query(self._digests, "owner_id = :user", {":user": user_id})


def _query(table: str, condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": to_item(values),
    }
