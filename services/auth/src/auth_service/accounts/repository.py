"""Sign-ups that wait for their code, keyed by username, and people, keyed by id, in DynamoDB.

Sign-ups expire by themselves. Cognito finds one account at a time, and not often in a second: people are found here.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from auth_service.accounts.models import PersonRecord, SignUpRecord
from servicekit.dynamodb import from_item, get_items, to_item


class SignUpRepository:
    """Keeps sign-ups."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def put(self, record: SignUpRecord) -> None:
        """Keep a sign-up in the place of an earlier one with its username."""
        await self._dynamodb.put_item(TableName=self._table, Item=to_item(asdict(record)))

    async def get(self, username: str) -> SignUpRecord | None:
        """The sign-up with this username, if there is one."""
        found = await self._dynamodb.get_item(
            TableName=self._table, Key=to_item({"username": username}), ConsistentRead=True
        )
        return SignUpRecord(**from_item(found["Item"])) if "Item" in found else None

    async def delete(self, username: str) -> None:
        """Forget a sign-up."""
        await self._dynamodb.delete_item(TableName=self._table, Key=to_item({"username": username}))


class PersonRepository:
    """Knows people by their ids."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def put(self, person: PersonRecord) -> None:
        """Remember a person; again is harmless."""
        await self._dynamodb.put_item(TableName=self._table, Item=to_item(asdict(person)))

    async def get(self, user_ids: Sequence[str]) -> list[PersonRecord]:
        """Those of some people who are known, in the order of the ids."""
        keys = [{"user_id": user_id} for user_id in dict.fromkeys(user_ids)]
        found = {item["user_id"]: PersonRecord(**item) for item in await get_items(self._dynamodb, self._table, keys)}
        return [found[user_id] for user_id in user_ids if user_id in found]
