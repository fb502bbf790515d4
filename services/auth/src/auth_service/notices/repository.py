"""Notices that are due, found by the sparse indexes of the tables whose rows may be marked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auth_service.notices.models import DUE, NEW_DEVICE, UNNOTICED, Notice
from servicekit.dynamodb import holds, query_items, to_item

BATCH = 50


@dataclass(frozen=True)
class Source:
    """A table with rows to tell of: its key, person first, and what one of the rows says."""

    table: str
    key: tuple[str, str]
    read: Callable[[Mapping[str, Any]], Notice]


def _of_session(row: Mapping[str, Any]) -> Notice:
    return Notice(
        user_id=row["user_id"],
        place=row["session_id"],
        kind=NEW_DEVICE,
        at=datetime.fromtimestamp(row["created_at"], UTC),
        facts={name: row.get(name, "") for name in ("user_agent", "address")},
        tries=row.get("tries", 0),
    )


def _of_event(row: Mapping[str, Any]) -> Notice:
    return Notice(
        user_id=row["subject"],
        place=row["place"],
        kind=row["type"],
        at=datetime.fromisoformat(row["at"]),
        facts=row["data"],
        tries=row.get("tries", 0),
    )


SOURCES = (
    Source("sessions", ("user_id", "session_id"), _of_session),
    Source("audits", ("subject", "place"), _of_event),
)


class NoticeRepository:
    """Finds the notices of one table that are due. Of several workers one sends each."""

    def __init__(self, dynamodb: Any, table: str, source: Source) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._source = source

    async def due(self, now: int) -> list[Notice]:
        """Some of the notices that wait, and may be tried."""
        found = await query_items(
            self._dynamodb,
            most=BATCH,
            TableName=self._table,
            IndexName=UNNOTICED,
            KeyConditionExpression=f"{UNNOTICED} = :due",
            FilterExpression="attribute_not_exists(not_before) OR not_before <= :now",
            ExpressionAttributeValues=to_item({":due": DUE, ":now": now}),
        )
        return [self._source.read(row) for row in found]

    async def claim(self, notice: Notice, now: int, until: int) -> bool:
        """Take a notice for oneself until a moment; False when another has it, or it was sent."""
        return await self._update(
            notice,
            "SET not_before = :until ADD tries :one",
            f"{UNNOTICED} = :due AND (attribute_not_exists(not_before) OR not_before <= :now)",
            {":until": until, ":one": 1, ":due": DUE, ":now": now},
        )

    async def settle(self, notice: Notice) -> None:
        """Note that nothing is to be sent any more. A row that is gone must not come back."""
        there = f"attribute_exists({self._source.key[0]})"
        await self._update(notice, f"REMOVE {UNNOTICED}, not_before, tries", there, {})

    async def _update(self, notice: Notice, update: str, condition: str, values: dict[str, Any]) -> bool:
        bound = {"ExpressionAttributeValues": to_item(values)} if values else {}
        return await holds(
            self._dynamodb.update_item(
                TableName=self._table,
                Key=to_item(dict(zip(self._source.key, (notice.user_id, notice.place), strict=True))),
                UpdateExpression=update,
                ConditionExpression=condition,
                **bound,
            )
        )
