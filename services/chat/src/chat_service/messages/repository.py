"""The queries of messages. Every read is scoped to its reader: what one may not see does not come back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import HIDDEN_MESSAGE, MESSAGE_COLUMNS

_VISIBLE = f"""
    SELECT {MESSAGE_COLUMNS}
    FROM members me JOIN conversations c ON c.id = me.conversation_id
    JOIN messages x ON x.conversation_id = c.id AND x.seq >= me.visible_from
    WHERE me.user_id = :reader AND me.conversation_id = :conversation_id AND me.left_at IS NULL
      AND NOT {HIDDEN_MESSAGE}
"""
_BEFORE = text(f"{_VISIBLE} AND x.seq < :seq ORDER BY x.seq DESC LIMIT :limit")
_AFTER = text(f"{_VISIBLE} AND x.seq > :seq ORDER BY x.seq LIMIT :limit")
_ONE = text(f"{_VISIBLE} AND x.id = :id")


class MessageRepository:
    """Reads and writes messages."""

    async def before(
        self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int, limit: int
    ) -> Sequence[Row[Any]]:
        """Messages below a position, newest first."""
        return await self._range(session, _BEFORE, reader, conversation_id, seq, limit)

    async def after(
        self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int, limit: int
    ) -> Sequence[Row[Any]]:
        """Messages above a position, oldest first."""
        return await self._range(session, _AFTER, reader, conversation_id, seq, limit)

    async def one(self, session: AsyncSession, reader: str, conversation_id: UUID, message_id: UUID) -> Row[Any] | None:
        """A message by its id."""
        parameters = {"reader": reader, "conversation_id": conversation_id, "id": message_id}
        return (await session.execute(_ONE, parameters)).one_or_none()

    @staticmethod
    async def _range(
        session: AsyncSession, query: Any, reader: str, conversation_id: UUID, seq: int, limit: int
    ) -> Sequence[Row[Any]]:
        parameters = {"reader": reader, "conversation_id": conversation_id, "seq": seq, "limit": limit}
        return (await session.execute(query, parameters)).all()
