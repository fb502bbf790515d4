"""The table `departures`: who is erased.

It closes the door before anything is taken away. Whatever makes something in a person's name, a request that was under
way or an event that comes late, has this table's word in its transaction: so there is no moment between asking and
writing, and what an erasure finds is all that there will ever be.
"""

import time
from typing import Any

from servicekit.dynamodb import Transaction, to_item

KEPT_SECONDS = 30 * 24 * 3600
"""Longer than a queue keeps a message, dead letters included."""


class DepartureRepository:
    """Knows who is erased."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def note(self, user_id: str) -> None:
        """Let nothing more be made in a person's name; again is harmless."""
        row = {"user_id": user_id, "expires_at": int(time.time()) + KEPT_SECONDS}
        await self._client.put_item(TableName=self._table, Item=to_item(row))

    def require_present(self, work: Transaction, *user_ids: str) -> None:
        """Have the transaction fail when one of these people is erased."""
        for user_id in dict.fromkeys(user_ids):
            work.check(self._table, {"user_id": user_id}, "attribute_not_exists(user_id)")
