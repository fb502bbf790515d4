"""The table `quotas`: `bytes` is all that counts, `reserved` the part of it that is not verified yet.

Both change in the transactions of the files that they count, so that they are their sums whatever process dies.
"""

from typing import Any

from servicekit.dynamodb import Transaction, from_item, to_item


class QuotaRepository:
    """Adds to what counts, and takes from it."""

    def __init__(self, client: Any, table: str, limit: int) -> None:
        self._client = client
        self._table = table
        self._limit = limit

    async def get(self, user_id: str) -> tuple[int, int]:
        """What counts, and the part of it that is reserved."""
        key = to_item({"user_id": user_id})
        row = from_item((await self._client.get_item(TableName=self._table, Key=key)).get("Item", {}))
        return row.get("bytes", 0), row.get("reserved", 0)

    def reserve(self, work: Transaction, user_id: str, size: int) -> None:
        """Count a file that is to come; the transaction fails where it would pass the limit."""
        work.change(
            self._table,
            {"user_id": user_id},
            add={"bytes": size, "reserved": size},
            condition="(attribute_not_exists(#bytes) AND :size <= :limit) OR #bytes <= :room",
            values={"size": size, "limit": self._limit, "room": self._limit - size},
        )

    def settle(self, work: Transaction, user_id: str, size: int) -> None:
        """A reserved file is there for good."""
        work.change(self._table, {"user_id": user_id}, add={"reserved": -size})

    def release(self, work: Transaction, user_id: str, size: int, *, reserved: bool) -> None:
        """A file counts no longer."""
        work.change(self._table, {"user_id": user_id}, add={"bytes": -size} | ({"reserved": -size} if reserved else {}))
