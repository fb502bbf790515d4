"""The tables `grants` and `uses`.

Rows that say «no longer» stay for a while: an older event may still be on its way.
"""

import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from botocore.exceptions import ClientError

from media_service.departures.repository import KEPT_SECONDS, DepartureRepository
from media_service.grants.domain import CLOSED, Grant
from media_service.grants.models import Use
from servicekit.dynamodb import Transaction, from_item, get_items, is_condition_failure, to_item

NEWER = "attribute_not_exists(#version) OR #version < :version"


class GrantRepository:
    """Who may look into which place."""

    def __init__(self, client: Any, table: str, departures: DepartureRepository) -> None:
        self._client = client
        self._table = table
        self._departures = departures

    async def known(self, grants: Collection[Grant]) -> set[Grant]:
        """Those of the grants that hold, in one read."""
        keys = [{"place": place, "user_id": user_id} for place, user_id in dict.fromkeys(grants)]
        rows = await get_items(self._client, self._table, keys)
        return {(row["place"], row["user_id"]) for row in rows if row["active"]}

    async def set(self, place: str, user_id: str, version: int, *, active: bool, people: Sequence[str] = ()) -> None:
        """Note whether a person may look into a place, unless more is known, or one of `people` is erased."""
        work = Transaction()
        self.add(work, place, user_id, version, active=active)
        self._departures.require_present(work, *people)
        try:
            await work.commit(self._client)
        except ClientError as error:
            if not _any_condition_failed(error, len(work.items)):
                raise

    def add(self, work: Transaction, place: str, user_id: str, version: int, *, active: bool, **more: str) -> None:
        """The same in a transaction, which fails when something newer is known."""
        row = {"place": place, "user_id": user_id, "active": active, "version": version, **more}
        if not active:
            row["expires_at"] = int(time.time()) + KEPT_SECONDS
        work.items.append(
            {
                "Put": {
                    "TableName": self._table,
                    "Item": to_item(row),
                    "ConditionExpression": NEWER,
                    "ExpressionAttributeNames": {"#version": "version"},
                    "ExpressionAttributeValues": to_item({":version": version}),
                }
            }
        )

    def require_open(self, work: Transaction, place: str) -> None:
        """Have the transaction fail when nobody may look into the place any more."""
        work.check(self._table, {"place": place, "user_id": CLOSED}, "attribute_not_exists(place)")


class UseRepository:
    """What hangs on what."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def get(self, place: str, ref: str) -> Use | None:
        """What hangs there, as it is now; with nothing, it was taken off."""
        key = to_item({"place": place, "ref": ref})
        found = await self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return Use.model_validate(from_item(found["Item"])) if "Item" in found else None

    async def of_place(self, place: str) -> AsyncIterator[Use]:
        """All that files hang on there."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="place = :place",
            ExpressionAttributeValues=to_item({":place": place}),
        )
        async for page in pages:
            for item in page["Items"]:
                if (use := Use.model_validate(from_item(item))).media_ids:
                    yield use

    async def commit(self, use: Use, work: Transaction) -> bool:
        """Commit what hangs there now, with what follows; False if it, or a file, has changed meanwhile."""
        row = use.model_dump() | ({} if use.media_ids else {"expires_at": int(time.time()) + KEPT_SECONDS})
        work.items.insert(
            0,
            {
                "Put": {
                    "TableName": self._table,
                    "Item": to_item(row),
                    "ConditionExpression": "attribute_not_exists(seq) OR seq < :seq",
                    "ExpressionAttributeValues": to_item({":seq": use.seq}),
                }
            },
        )
        try:
            await work.commit(self._client)
        except ClientError as error:
            if _any_condition_failed(error, len(work.items)):
                return False
            raise
        return True


def _any_condition_failed(error: ClientError, items: int) -> bool:
    indexes: Sequence[int] = range(items)
    return any(is_condition_failure(error, index) for index in indexes)
