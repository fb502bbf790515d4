"""Notices that are due, found by a sparse index of the sessions."""

from dataclasses import fields
from typing import Any

from auth_service.notices.models import DUE, UNNOTICED, Notice
from servicekit.dynamodb import holds, query_items, to_item

BATCH = 50
_COLUMNS = frozenset(field.name for field in fields(Notice))


class NoticeRepository:
    """Finds the notices that are due. Of several workers one sends each."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

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
        return [Notice(**{name: value for name, value in item.items() if name in _COLUMNS}) for item in found]

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
        await self._update(notice, f"REMOVE {UNNOTICED}, not_before, tries", "attribute_exists(user_id)", {})

    async def _update(self, notice: Notice, update: str, condition: str, values: dict[str, Any]) -> bool:
        bound = {"ExpressionAttributeValues": to_item(values)} if values else {}
        return await holds(
            self._dynamodb.update_item(
                TableName=self._table,
                Key=to_item({"user_id": notice.user_id, "session_id": notice.session_id}),
                UpdateExpression=update,
                ConditionExpression=condition,
                **bound,
            )
        )
