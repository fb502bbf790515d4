"""The queries of reactions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import BLOCKED

_KINDS = text("""
    SELECT count(DISTINCT emoji) AS kinds, coalesce(bool_or(emoji = :emoji), false) AS has_this
    FROM reactions WHERE conversation_id = :conversation_id AND seq = :seq
""")
_ADD = text("""
    INSERT INTO reactions (conversation_id, seq, emoji, user_id, at)
    VALUES (:conversation_id, :seq, :emoji, :user_id, now())
    ON CONFLICT DO NOTHING RETURNING seq
""")
_TOUCH = text("""
    UPDATE messages SET touched = true WHERE conversation_id = :conversation_id AND seq = :seq AND NOT touched
""")
_REMOVE = text("""
    DELETE FROM reactions
    WHERE conversation_id = :conversation_id AND seq = :seq AND emoji = :emoji AND user_id = :user_id
    RETURNING seq
""")
_PAGE = text(f"""
    SELECT r.emoji, r.user_id, r.at FROM reactions r
    JOIN conversations c ON c.id = r.conversation_id
    WHERE r.conversation_id = :conversation_id AND r.seq = :seq
      AND (CAST(:emoji AS text) IS NULL OR r.emoji = :emoji)
      AND (r.emoji, r.user_id) > (:after_emoji, :after_user)
      AND NOT (c.kind = 'group' AND r.user_id = ANY({BLOCKED}))
    ORDER BY r.emoji, r.user_id LIMIT :limit
""")


class ReactionRepository:
    """Reads and writes reactions. Those of a locked conversation stay as they are."""

    async def kinds(self, session: AsyncSession, conversation_id: UUID, seq: int, emoji: str) -> tuple[int, bool]:
        """How many kinds of reactions a message has, and whether this is one of them."""
        parameters = {"conversation_id": conversation_id, "seq": seq, "emoji": emoji}
        row = (await session.execute(_KINDS, parameters)).one()
        return row.kinds, row.has_this

    async def add(self, session: AsyncSession, conversation_id: UUID, seq: int, emoji: str, user_id: str) -> bool:
        """Add a person's reaction; returns whether it was not there."""
        key = {"conversation_id": conversation_id, "seq": seq}
        added = (await session.execute(_ADD, {**key, "emoji": emoji, "user_id": user_id})).one_or_none()
        if added is None:
            return False
        await session.execute(_TOUCH, key)
        return True

    async def remove(self, session: AsyncSession, conversation_id: UUID, seq: int, emoji: str, user_id: str) -> bool:
        """Remove a person's reaction; returns whether it was there."""
        parameters = {"conversation_id": conversation_id, "seq": seq, "emoji": emoji, "user_id": user_id}
        return (await session.execute(_REMOVE, parameters)).one_or_none() is not None

    async def page(
        self,
        session: AsyncSession,
        reader: str,
        conversation_id: UUID,
        seq: int,
        emoji: str | None,
        after: tuple[str, str],
        limit: int,
    ) -> Sequence[Row[Any]]:
        """Who gave which reaction, in the order of kinds and people, without those whom the reader need not see."""
        parameters = {
            "reader": reader,
            "conversation_id": conversation_id,
            "seq": seq,
            "emoji": emoji,
            "after_emoji": after[0],
            "after_user": after[1],
            "limit": limit,
        }
        return (await session.execute(_PAGE, parameters)).all()
