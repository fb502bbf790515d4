"""Sign-ups that wait for their code, claims to usernames, and people, in DynamoDB.

Sign-ups and claims that nobody verifies expire by themselves. Cognito finds one account at a time, and not often in a
second: people are found here.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from auth_service.accounts.models import Claim, PersonRecord, SignUpRecord
from servicekit.dynamodb import Transaction, from_item, get_items, holds, to_item


class SignUpRepository:
    """Keeps sign-ups."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def put(self, record: SignUpRecord, told: Sequence[dict[str, Any]]) -> None:
        """Keep a sign-up in the place of an earlier one with its username, together with what is told of it."""
        transaction = Transaction()
        transaction.put(self._table, asdict(record))
        transaction.items += told
        await transaction.commit(self._dynamodb)

    async def get(self, username: str) -> SignUpRecord | None:
        """The sign-up with this username, if there is one."""
        found = await self._dynamodb.get_item(
            TableName=self._table, Key=to_item({"username": username}), ConsistentRead=True
        )
        return SignUpRecord(**from_item(found["Item"])) if "Item" in found else None

    async def complete(self, username: str, told: Sequence[dict[str, Any]]) -> None:
        """Forget a sign-up whose address is verified, together with what is told of it: once, if it is said again."""
        transaction = Transaction()
        transaction.delete(self._table, {"username": username}, "attribute_exists(username)")
        transaction.items += told
        await holds(transaction.commit(self._dynamodb))

    async def delete(self, username: str) -> None:
        """Forget a sign-up."""
        await self._dynamodb.delete_item(TableName=self._table, Key=to_item({"username": username}))


class ClaimRepository:
    """Sees to it that of usernames that look alike one is given."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def get(self, skeleton: str) -> Claim | None:
        """The claim to all that looks like this; it may have expired."""
        found = await self._dynamodb.get_item(
            TableName=self._table, Key=to_item({"skeleton": skeleton}), ConsistentRead=True
        )
        return Claim(**from_item(found["Item"])) if "Item" in found else None

    async def put(self, claim: Claim, now: int) -> bool:
        """Claim a username, or claim it for good; returns False when somebody else has one that looks like it.

        A claim that holds for good is not made one that expires.
        """
        own = "username = :username"
        if claim.expires_at is not None:
            own += " AND attribute_exists(expires_at)"
        return await holds(
            self._dynamodb.put_item(
                TableName=self._table,
                Item=to_item(asdict(claim)),
                ConditionExpression=f"attribute_not_exists(skeleton) OR ({own}) OR expires_at <= :now",
                ExpressionAttributeValues=to_item({":username": claim.username, ":now": now}),
            )
        )

    async def delete(self, claim: Claim) -> None:
        """Give a username up, unless it is somebody else's by now."""
        await holds(
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=to_item({"skeleton": claim.skeleton}),
                ConditionExpression="attribute_not_exists(skeleton) OR username = :username",
                ExpressionAttributeValues=to_item({":username": claim.username}),
            )
        )


class PersonRepository:
    """Knows people by their ids."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    async def put(self, person: PersonRecord) -> None:
        """Remember a person; again is harmless."""
        await self._dynamodb.put_item(**self.putting(person)["Put"])

    def putting(self, person: PersonRecord) -> dict[str, Any]:
        """The item of `TransactWriteItems` that remembers a person."""
        return {"Put": {"TableName": self._table, "Item": to_item(asdict(person))}}

    async def delete(self, user_id: str) -> None:
        """Forget a person."""
        await self._dynamodb.delete_item(TableName=self._table, Key=to_item({"user_id": user_id}))

    async def get(self, user_ids: Sequence[str]) -> list[PersonRecord]:
        """Those of some people who are known, in the order of the ids."""
        keys = [{"user_id": user_id} for user_id in dict.fromkeys(user_ids)]
        found = {item["user_id"]: PersonRecord(**item) for item in await get_items(self._dynamodb, self._table, keys)}
        return [found[user_id] for user_id in user_ids if user_id in found]
