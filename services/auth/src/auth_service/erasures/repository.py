"""Erasures in DynamoDB, keyed by their id; those under way are found by when they are due."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from auth_service.erasures.models import RUNNING, Erasure
from servicekit.dynamodb import Transaction, from_item, holds, query_items, to_item

_COLUMNS = frozenset(field.name for field in fields(Erasure))
MOST_DUE = 10


class ErasureRepository:
    """Keeps erasures. Whatever the person's own row says, what is told of it rides in the same transaction."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def add(self, erasure: Erasure, told: list[dict[str, Any]]) -> bool:
        """Keep a new erasure and have it told; False if there is one with its id."""
        transaction = Transaction()
        transaction.put_new(self._table, asdict(erasure), "id")
        transaction.items += told
        return await holds(transaction.commit(self._dynamodb))

    async def get(self, erasure_id: str) -> Erasure | None:
        """An erasure as it is now."""
        key = to_item({"id": erasure_id})
        found = await self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in found:
            return None
        return Erasure(**{name: value for name, value in from_item(found["Item"]).items() if name in _COLUMNS})

    async def due(self, now: int) -> list[str]:
        """Some of those under way whose time has come."""
        found = await query_items(
            self._dynamodb,
            most=MOST_DUE,
            TableName=self._table,
            IndexName=RUNNING,
            KeyConditionExpression=f"{RUNNING} = :yes AND due_at <= :now",
            ExpressionAttributeValues=to_item({":yes": RUNNING, ":now": now}),
        )
        return [item["id"] for item in found]

    async def claim(self, erasure: Erasure, until: int) -> bool:
        """Take an erasure for a while; False if another has, or it is done."""
        return await self._update(
            erasure.id,
            "SET due_at = :until",
            "due_at = :was AND attribute_exists(running)",
            {":until": until, ":was": erasure.due_at},
        )

    async def postpone(self, erasure: Erasure, *, due_at: int, left: Mapping[str, int]) -> None:
        """Note what is left, and when to look again."""
        values = {":due": due_at, ":left": dict(left), ":tries": erasure.tries + 1}
        await self._update(
            erasure.id, "SET due_at = :due, #left = :left, tries = :tries", "attribute_exists(running)", values
        )

    async def ask(self, erasure: Erasure, now: int, told: list[dict[str, Any]]) -> None:
        """Note that the services are told again, and have them told."""
        transaction = Transaction()
        transaction.update(
            self._table,
            {"id": erasure.id},
            "SET asked_at = :now",
            "attribute_exists(running)",
            {":now": now},
        )
        transaction.items += told
        await transaction.commit(self._dynamodb)

    async def finish(self, erasure: Erasure, now: int, expires_at: int, told: list[dict[str, Any]]) -> None:
        """Note that nothing is left, forget whose erasure it was, and have it told."""
        transaction = Transaction()
        transaction.update(
            self._table,
            {"id": erasure.id},
            "SET completed_at = :now, expires_at = :expires REMOVE running, user_id, username, logins",
            "attribute_exists(running)",
            {":now": now, ":expires": expires_at},
        )
        transaction.items += told
        await transaction.commit(self._dynamodb)

    async def _update(self, erasure_id: str, change: str, condition: str, values: Mapping[str, Any]) -> bool:
        names = {"ExpressionAttributeNames": {"#left": "left"}} if "#left" in change else {}
        return await holds(
            self._dynamodb.update_item(
                TableName=self._table,
                Key=to_item({"id": erasure_id}),
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
                **names,
            )
        )
