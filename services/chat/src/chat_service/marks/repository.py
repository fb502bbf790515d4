"""The queries of marks. Each is scoped to the member whose marks they are."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_MOVE_READ = text("""
    UPDATE members m SET
        read_seq = greatest(m.read_seq, :seq),
        read_msg_no = greatest(m.read_msg_no, coalesce((
            SELECT x.msg_no FROM messages x WHERE x.conversation_id = :conversation_id AND x.seq <= :seq
            ORDER BY x.seq DESC LIMIT 1), 0)),
        shown_seq = CASE WHEN :private THEN m.shown_seq ELSE greatest(m.shown_seq, :seq) END,
        delivered_seq = greatest(m.delivered_seq, :seq),
        marked_unread = false,
        changed_xid = (pg_current_xact_id()::text)::bigint
    FROM conversations c
    WHERE m.conversation_id = :conversation_id AND m.user_id = :reader AND m.left_at IS NULL
      AND c.id = m.conversation_id AND :seq <= c.last_seq AND (m.read_seq < :seq OR m.marked_unread)
""")
_MOVE_DELIVERED = text("""
    UPDATE members m SET delivered_seq = :seq, changed_xid = (pg_current_xact_id()::text)::bigint
    FROM conversations c
    WHERE m.conversation_id = :conversation_id AND m.user_id = :reader AND m.left_at IS NULL
      AND c.id = m.conversation_id AND m.delivered_seq < :seq AND :seq <= c.last_seq
""")


class MarkRepository:
    """Moves marks."""

    async def move_read(
        self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int, *, private: bool
    ) -> bool:
        """Move a read mark forward, never back and never beyond the log; returns whether it moved."""
        parameters = {"reader": reader, "conversation_id": conversation_id, "seq": seq, "private": private}
        return await self._changed(session, _MOVE_READ, parameters)

    async def move_delivered(self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int) -> bool:
        """Move the mark of what was received forward; returns whether it moved."""
        parameters = {"reader": reader, "conversation_id": conversation_id, "seq": seq}
        return await self._changed(session, _MOVE_DELIVERED, parameters)

    @staticmethod
    async def _changed(session: AsyncSession, statement: Any, parameters: dict[str, Any]) -> bool:
        return bool((await session.execute(statement, parameters)).rowcount)  # type: ignore[attr-defined]
