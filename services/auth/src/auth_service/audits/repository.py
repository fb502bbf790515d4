"""Security events in DynamoDB, keyed by their subject and sorted by time."""

from dataclasses import asdict, fields
from typing import Any

from auth_service.audits.models import AuditRecord
from servicekit.dynamodb import Transaction, delete_items, holds, query_items, to_item

_COLUMNS = frozenset(field.name for field in fields(AuditRecord))
MOST_ERASED = 500


class AuditRepository:
    """Keeps security events until they expire."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def put(self, record: AuditRecord) -> dict[str, Any]:
        """The item of `TransactWriteItems` that keeps an event."""
        return {"Put": {"TableName": self._table, "Item": to_item(asdict(record))}}

    def put_once(self, record: AuditRecord) -> dict[str, Any]:
        """As `put`, of one that may be there: then the transaction fails."""
        item = self.put(record)
        item["Put"] |= {
            "ConditionExpression": "attribute_not_exists(#place)",
            "ExpressionAttributeNames": {"#place": "place"},
        }
        return item

    async def commit_once(self, items: list[dict[str, Any]]) -> None:
        """Write items of which the first is there at most once; if it is there, nothing."""
        transaction = Transaction()
        transaction.items += items
        await holds(transaction.commit(self._dynamodb))

    async def commit(self, items: list[dict[str, Any]]) -> None:
        """Write items of which none has a condition, together."""
        transaction = Transaction()
        transaction.items += items
        await transaction.commit(self._dynamodb)

    async def newest(self, subject: str, before: str | None, limit: int) -> list[AuditRecord]:
        """What happened to a subject, newest first, before a place if one is given."""
        condition, values = "subject = :subject", {":subject": subject}
        if before:
            condition, values = f"{condition} AND place < :before", values | {":before": before}
        found = await query_items(
            self._dynamodb,
            most=limit,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_item(values),
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        return [AuditRecord(**{name: value for name, value in item.items() if name in _COLUMNS}) for item in found]

    async def erase(self, subject: str, but: frozenset[str]) -> None:
        """Delete what happened to a subject, but events of some types."""
        while keys := await self._keys(subject, but):
            await delete_items(self._dynamodb, self._table, keys)

    async def _keys(self, subject: str, but: frozenset[str]) -> list[dict[str, Any]]:
        kept = {f":kept{number}": each for number, each in enumerate(sorted(but))}
        found = await query_items(
            self._dynamodb,
            most=MOST_ERASED,
            TableName=self._table,
            KeyConditionExpression="subject = :subject",
            FilterExpression=f"NOT (#type IN ({', '.join(kept)}))",
            ExpressionAttributeNames={"#type": "type"},
            ExpressionAttributeValues=to_item({":subject": subject, **kept}),
            ConsistentRead=True,
        )
        return [{"subject": subject, "place": item["place"]} for item in found]
