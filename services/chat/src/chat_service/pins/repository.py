"""The queries of pins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import HIDDEN_MESSAGE, MESSAGE_COLUMNS

_COUNT = text("SELECT count(*) FROM pins WHERE conversation_id = :conversation_id AND seq <> :seq")
_ADD = text("""
    INSERT INTO pins (conversation_id, seq, by, at) VALUES (:conversation_id, :seq, :by, :at)
    ON CONFLICT DO NOTHING RETURNING seq
""")
_REMOVE = text("DELETE FROM pins WHERE conversation_id = :conversation_id AND seq = :seq RETURNING seq")
_PAGE = text(f"""
    SELECT {MESSAGE_COLUMNS}, p.at AS pinned_at
    FROM members me JOIN conversations c ON c.id = me.conversation_id
    JOIN pins p ON p.conversation_id = c.id
    JOIN messages x ON x.conversation_id = p.conversation_id AND x.seq = p.seq
    WHERE me.user_id = :reader AND me.conversation_id = :conversation_id AND me.left_at IS NULL
      AND x.deleted_at IS NULL AND coalesce(x.expires_at > now(), true) AND NOT {HIDDEN_MESSAGE}
      AND (CAST(:at AS timestamptz) IS NULL OR (p.at, p.seq) < (:at, :seq))
    ORDER BY p.at DESC, p.seq DESC LIMIT :limit
""")


class PinRepository:
    """Reads and writes pins. Those of a locked conversation stay as they are."""

    async def count_others(self, session: AsyncSession, conversation_id: UUID, seq: int) -> int:
        """How many other messages are pinned."""
        count: int = (await session.execute(_COUNT, {"conversation_id": conversation_id, "seq": seq})).scalar_one()
        return count

    async def add(self, session: AsyncSession, conversation_id: UUID, seq: int, by: str, at: datetime) -> bool:
        """Pin a message; returns whether it was not."""
        parameters = {"conversation_id": conversation_id, "seq": seq, "by": by, "at": at}
        return (await session.execute(_ADD, parameters)).one_or_none() is not None

    async def remove(self, session: AsyncSession, conversation_id: UUID, seq: int) -> bool:
        """Unpin a message; returns whether it was pinned."""
        parameters = {"conversation_id": conversation_id, "seq": seq}
        return (await session.execute(_REMOVE, parameters)).one_or_none() is not None

    async def page(
        self,
        session: AsyncSession,
        reader: str,
        conversation_id: UUID,
        after: tuple[datetime, int] | None,
        limit: int,
    ) -> Sequence[Row[Any]]:
        """The pinned messages that a member may see, newest pin first."""
        at, seq = after or (None, 0)
        parameters = {"reader": reader, "conversation_id": conversation_id, "at": at, "seq": seq, "limit": limit}
        return (await session.execute(_PAGE, parameters)).all()
