"""The queries of marks. Each is scoped to the member whose marks they are."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import BLOCKED

_NOW = "changed_xid = (pg_current_xact_id()::text)::bigint"
_MINE = "m.conversation_id = :conversation_id AND m.user_id = :reader AND m.left_at IS NULL"
_IN_LOG = f"FROM conversations c WHERE {_MINE} AND c.id = m.conversation_id AND :seq <= c.last_seq"
_TOLD = "c.member_count <= :receipts_up_to AND c.closed_by = '{}'"
"""SQL: the others hear of a mark. Where one of two blocks the other, nothing more is shown."""

_MOVE_READ = text(f"""
    UPDATE members m SET
        read_seq = greatest(m.read_seq, :seq),
        read_msg_no = greatest(m.read_msg_no, coalesce((
            SELECT x.msg_no FROM messages x WHERE x.conversation_id = :conversation_id AND x.seq <= :seq
            ORDER BY x.seq DESC LIMIT 1), 0)),
        shown_seq = CASE WHEN :private OR c.closed_by <> '{{}}' THEN m.shown_seq ELSE greatest(m.shown_seq, :seq) END,
        delivered_seq = CASE WHEN c.closed_by <> '{{}}' THEN m.delivered_seq ELSE greatest(m.delivered_seq, :seq) END,
        marked_unread = false,
        {_NOW}
    {_IN_LOG} AND (m.read_seq < :seq OR m.marked_unread OR NOT :private AND m.shown_seq < :seq AND c.closed_by = '{{}}')
    RETURNING m.shown_seq AS shown, NOT :private AND {_TOLD} AS told
""")
_MOVE_DELIVERED = text(f"""
    UPDATE members m SET delivered_seq = :seq, {_NOW}
    {_IN_LOG} AND m.delivered_seq < :seq AND c.closed_by = '{{}}'
    RETURNING m.delivered_seq AS shown, {_TOLD} AS told
""")

_KEEP = {
    "marked_unread": "marked_unread = :value",
    "draft": "draft = CAST(:value AS jsonb)",
    "muted_until": "muted_until = :value",
    "pinned": "pinned_at = CASE WHEN :value THEN now() END",
    "archived": "archived_at = CASE WHEN :value THEN now() END",
}
_IS_KEPT = {
    "marked_unread": "m.marked_unread = :value",
    "draft": "m.draft IS NOT DISTINCT FROM CAST(:value AS jsonb)",
    "muted_until": "m.muted_until IS NOT DISTINCT FROM :value",
    "pinned": "(m.pinned_at IS NOT NULL) = :value",
    "archived": "(m.archived_at IS NOT NULL) = :value",
}
_KEEPING = {
    name: text(f"UPDATE members m SET {_KEEP[name]}, {_NOW} WHERE {_MINE} AND NOT ({_IS_KEPT[name]})") for name in _KEEP
}

_RECEIPTS = text(f"""
    SELECT m.user_id, m.shown_seq, m.delivered_seq
    FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = :conversation_id AND m.left_at IS NULL AND m.user_id <> :reader
      AND NOT (c.kind = 'group' AND m.user_id = ANY({BLOCKED})) AND m.user_id > :after
    ORDER BY m.user_id LIMIT :limit
""")


class MarkRepository:
    """Moves marks, keeps what a member wants kept, and shows the marks of the others."""

    def __init__(self, receipts_up_to: int = 100) -> None:
        self._receipts_up_to = receipts_up_to

    async def move_read(
        self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int, *, private: bool
    ) -> Row[Any] | None:
        """Move a read mark forward, never back and never beyond the log; gives what others are shown, if it moved."""
        parameters = {**self._place(reader, conversation_id, seq), "private": private}
        return (await session.execute(_MOVE_READ, parameters)).one_or_none()

    async def move_delivered(
        self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int
    ) -> Row[Any] | None:
        """Move the mark of what was received forward; gives what others are shown, if it moved."""
        return (await session.execute(_MOVE_DELIVERED, self._place(reader, conversation_id, seq))).one_or_none()

    async def keep(self, session: AsyncSession, reader: str, conversation_id: UUID, name: str, value: Any) -> bool:
        """Keep a value, by the name that `Kept` gives it; returns whether it was another before."""
        stored = orjson.dumps(value).decode() if isinstance(value, dict) else value
        parameters = {"reader": reader, "conversation_id": conversation_id, "value": stored}
        return bool((await session.execute(_KEEPING[name], parameters)).rowcount)  # type: ignore[attr-defined]

    async def receipts(
        self, session: AsyncSession, reader: str, conversation_id: UUID, after: str, limit: int
    ) -> Sequence[Row[Any]]:
        """How far the other members show to have read and received, in the order of their ids."""
        parameters = {"reader": reader, "conversation_id": conversation_id, "after": after, "limit": limit}
        return (await session.execute(_RECEIPTS, parameters)).all()

    def _place(self, reader: str, conversation_id: UUID, seq: int) -> dict[str, Any]:
        return {
            "reader": reader,
            "conversation_id": conversation_id,
            "seq": seq,
            "receipts_up_to": self._receipts_up_to,
        }
