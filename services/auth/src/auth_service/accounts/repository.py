"""The sign-ups that wait for their code, in DynamoDB, keyed by username. They expire by themselves."""

from dataclasses import asdict
from typing import Any

from auth_service.accounts.models import SignUpRecord
from servicekit.dynamodb import from_item, to_item


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
