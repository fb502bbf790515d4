"""The queries of waiting messages. What a person reads is that person's own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.schedules.domain import Key

_COLUMNS = "conversation_id, by, client_id, by_name, body, digest, send_at, created_at, failed"
_OF_KEY = "conversation_id = :conversation_id AND by = :by AND client_id = :client_id"

_ONE = text(f"SELECT {_COLUMNS} FROM scheduled_messages WHERE {_OF_KEY}")
_COUNT = text("""
    SELECT count(*) FROM scheduled_messages
    WHERE conversation_id = :conversation_id AND by = :by AND failed IS NULL
""")
_ADD = text(f"""
    INSERT INTO scheduled_messages (conversation_id, by, client_id, by_name, body, digest, send_at, created_at)
    SELECT :conversation_id, :by, :client_id, :by_name, CAST(:body AS jsonb), :digest, :send_at, :created_at
    WHERE NOT EXISTS (SELECT 1 FROM messages WHERE {_OF_KEY})
    RETURNING {_COLUMNS}
""")
_REMOVE = text(f"DELETE FROM scheduled_messages WHERE {_OF_KEY} RETURNING client_id")
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM scheduled_messages
    WHERE conversation_id = :conversation_id AND by = :by
      AND (CAST(:send_at AS timestamptz) IS NULL OR (send_at, client_id) > (:send_at, CAST(:client_id AS uuid)))
    ORDER BY send_at, client_id LIMIT :limit
""")
_DUE = text(f"""
    SELECT {_COLUMNS} FROM scheduled_messages WHERE failed IS NULL AND send_at <= now()
      AND coalesce(retry_at <= now(), true)
    ORDER BY send_at LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_SETTLE = text("""
    DELETE FROM scheduled_messages s
    USING unnest(CAST(:conversations AS uuid[]), CAST(:people AS text[]), CAST(:client_ids AS uuid[]))
          AS sent (conversation_id, by, client_id)
    WHERE s.conversation_id = sent.conversation_id AND s.by = sent.by AND s.client_id = sent.client_id
""")
_PUT_OFF = text(f"UPDATE scheduled_messages SET retry_at = now() + make_interval(secs => :seconds) WHERE {_OF_KEY}")
_REFUSE = text(f"UPDATE scheduled_messages SET failed = :failed WHERE {_OF_KEY}")


class ScheduleRepository:
    """Keeps messages until their time has come."""

    async def one(self, session: AsyncSession, key: Key) -> Row[Any] | None:
        """A waiting message."""
        return (await session.execute(_ONE, _parameters(key))).one_or_none()

    async def count(self, session: AsyncSession, conversation_id: UUID, by: str) -> int:
        """How many messages of a person wait in a conversation."""
        count: int = (await session.execute(_COUNT, {"conversation_id": conversation_id, "by": by})).scalar_one()
        return count

    async def add(
        self,
        session: AsyncSession,
        key: Key,
        username: str,
        body: Mapping[str, Any],
        digest: bytes,
        send_at: datetime,
        created_at: datetime,
    ) -> Row[Any] | None:
        """Let a message wait, unless one was sent under its id: then None.

        The caller holds the conversation's lock, and has seen that it does not wait.
        """
        parameters = {
            **_parameters(key),
            "by_name": username,
            "body": orjson.dumps(body).decode(),
            "digest": digest,
            "send_at": send_at,
            "created_at": created_at,
        }
        return (await session.execute(_ADD, parameters)).one_or_none()

    async def remove(self, session: AsyncSession, key: Key) -> bool:
        """Forget a waiting message; returns whether there was one. Waits for a worker that is sending it."""
        return (await session.execute(_REMOVE, _parameters(key))).one_or_none() is not None

    async def page(
        self,
        session: AsyncSession,
        conversation_id: UUID,
        by: str,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> Sequence[Row[Any]]:
        """A person's waiting messages in a conversation, the next one first."""
        send_at, client_id = after or (None, None)
        parameters = {
            "conversation_id": conversation_id,
            "by": by,
            "send_at": send_at,
            "client_id": client_id,
            "limit": limit,
        }
        return (await session.execute(_PAGE, parameters)).all()

    async def due(self, session: AsyncSession, limit: int) -> Sequence[Row[Any]]:
        """Messages whose time has come, and that no other worker is sending. They are locked."""
        return (await session.execute(_DUE, {"limit": limit})).all()

    async def settle(self, session: AsyncSession, keys: Sequence[Key]) -> None:
        """Forget messages that were sent."""
        conversations, people, client_ids = (list(column) for column in zip(*keys, strict=True))
        parameters = {"conversations": conversations, "people": people, "client_ids": client_ids}
        await session.execute(_SETTLE, parameters)

    async def put_off(self, session: AsyncSession, key: Key, seconds: float) -> None:
        """Look at a message again after a while; others have their turn meanwhile."""
        await session.execute(_PUT_OFF, {**_parameters(key), "seconds": seconds})

    async def refuse(self, session: AsyncSession, key: Key, why: str) -> None:
        """Note why a message could not be sent."""
        await session.execute(_REFUSE, {**_parameters(key), "failed": why})


def _parameters(key: Key) -> dict[str, Any]:
    conversation_id, by, client_id = key
    return {"conversation_id": conversation_id, "by": by, "client_id": client_id}
