"""Sessions in DynamoDB, keyed by person and session: one by its key, all of a person's.

Cutoffs lie in a table of their own, one a person: what a person proved themselves with before it begins no session.
They expire, and hardly anybody has one.

Telling the gateways of their ends does not belong here, but the mark that asks for it does: it rides in the same write.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from botocore.exceptions import ClientError

from auth_service.endings.models import ANNOUNCE, UNANNOUNCED
from auth_service.sessions.models import Session
from servicekit.dynamodb import Transaction, delete_items, from_item, holds, is_condition_failure, query_items, to_item

MOST_SESSIONS = 1000
CUTOFF_SECONDS = 24 * 3600
"""How long a cutoff is kept: far longer than a sign-in takes, with its challenge."""
_COLUMNS = frozenset(field.name for field in fields(Session))


class SessionRepository:
    """Keeps sessions. Each change is conditional, so that of two at once only one is made."""

    def __init__(self, dynamodb: Any, table: str, cutoffs: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._cutoffs = cutoffs

    async def check(self) -> None:
        """Raise when the table does not answer."""
        await self.get("nobody", "none")

    async def add(self, session: Session, asked_at: int, told: Sequence[dict[str, Any]] = ()) -> bool:
        """Keep a new session, together with what is told of it; not if a cutoff came since `asked_at`."""
        transaction = Transaction()
        before = "attribute_not_exists(ended_before) OR ended_before < :asked"
        transaction.check(self._cutoffs, {"user_id": session.user_id}, before, {":asked": asked_at})
        transaction.put(self._table, asdict(session))
        transaction.items += told
        return await holds(transaction.commit(self._dynamodb))

    async def cut_off(self, user_id: str, at: int) -> None:
        """Let no session begin by what was asked before a moment, in microseconds. A cutoff never goes back."""
        await holds(
            self._dynamodb.update_item(
                TableName=self._cutoffs,
                Key=to_item({"user_id": user_id}),
                UpdateExpression="SET ended_before = :at, expires_at = :expires",
                ConditionExpression="attribute_not_exists(ended_before) OR ended_before < :at",
                ExpressionAttributeValues=to_item({":at": at, ":expires": at // 1_000_000 + CUTOFF_SECONDS}),
            )
        )

    async def get(self, user_id: str, session_id: str) -> Session | None:
        """A session as it is now, ended or not."""
        found = await self._dynamodb.get_item(TableName=self._table, Key=_key(user_id, session_id), ConsistentRead=True)
        return _session(found["Item"]) if "Item" in found else None

    async def of_person(self, user_id: str, *, but: str = "") -> list[Session]:
        """A person's sessions that have not ended, `but` one; of very many, some."""
        found = await query_items(
            self._dynamodb,
            most=MOST_SESSIONS,
            TableName=self._table,
            KeyConditionExpression="user_id = :user",
            FilterExpression="attribute_not_exists(ended_at)",
            ExpressionAttributeValues=to_item({":user": user_id}),
            ConsistentRead=True,
        )
        return [_read(values) for values in found if values["session_id"] != but]

    async def has_any(self, user_id: str) -> bool:
        """Whether a person signed in before, as far back as rows are kept."""
        found = await query_items(
            self._dynamodb,
            most=1,
            TableName=self._table,
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues=to_item({":user": user_id}),
            ConsistentRead=True,
        )
        return bool(found)

    async def advance(
        self,
        session: Session,
        *,
        generation: int,
        rotated_at: int,
        access_expires_at: int,
        address: str,
        user_agent: str,
    ) -> bool:
        """Move a session on, unless it has ended or moved since it was read; returns whether it moved.

        `access_expires_at` never goes back: the word of the session's end must outlive every token given out.
        """
        return (
            await self._update(
                session,
                "SET generation = :generation, rotated_at = :rotated, access_expires_at = :expires,"
                " address = :address, user_agent = :agent",
                "generation = :read AND access_expires_at <= :expires AND attribute_not_exists(ended_at)",
                {
                    ":generation": generation,
                    ":rotated": rotated_at,
                    ":expires": access_expires_at,
                    ":read": session.generation,
                    ":address": address,
                    ":agent": user_agent,
                },
            )
            is not None
        )

    async def end(self, session: Session, now: int, told: Sequence[dict[str, Any]] = ()) -> Session | None:
        """Mark a session as ended and to be announced, together with what is told of it.

        Returns what it was, or None if it has ended before. A transaction gives no old values, so one that has moved
        since it was read is read again: the word of its end must outlive its last token.
        """
        current: Session | None = session
        while current and current.ended_at is None:
            transaction = Transaction()
            transaction.update(
                self._table,
                {"user_id": current.user_id, "session_id": current.session_id},
                f"SET ended_at = :now, {UNANNOUNCED} = :yes REMOVE sealed_token",
                "access_expires_at = :expires AND generation = :generation AND attribute_not_exists(ended_at)",
                {
                    ":now": now,
                    ":yes": ANNOUNCE,
                    ":expires": current.access_expires_at,
                    ":generation": current.generation,
                },
            )
            transaction.items += told
            if await holds(transaction.commit(self._dynamodb)):
                return current
            current = await self.get(session.user_id, session.session_id)
        return None

    async def erase(self, user_id: str) -> bool:
        """Delete a person's rows but those whose ends are still to be announced; returns whether none is left."""
        found = await query_items(
            self._dynamodb,
            most=MOST_SESSIONS,
            TableName=self._table,
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues=to_item({":user": user_id}),
            ConsistentRead=True,
        )
        over = [row for row in found if row.get("ended_at") and UNANNOUNCED not in row]
        keys = [{"user_id": user_id, "session_id": row["session_id"]} for row in over]
        await delete_items(self._dynamodb, self._table, keys)
        return not await self.has_any(user_id)

    async def _update(self, session: Session, update: str, condition: str, values: dict[str, Any]) -> Session | None:
        try:
            answer = await self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(session.user_id, session.session_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_OLD",
            )
        except ClientError as error:
            if is_condition_failure(error):
                return None
            raise
        return _session(answer["Attributes"])


def _key(user_id: str, session_id: str) -> dict[str, Any]:
    return to_item({"user_id": user_id, "session_id": session_id})


def _session(item: dict[str, Any]) -> Session:
    return _read(from_item(item))


def _read(values: dict[str, Any]) -> Session:
    return Session(**{"sealed_token": None} | {name: value for name, value in values.items() if name in _COLUMNS})
