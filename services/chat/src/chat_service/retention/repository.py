"""The queries of the end of messages, and of what nobody will ask for again.

Each takes a bounded number of rows, and passes over those that another worker has taken.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.retention.models import purge_of
from messenger_contracts.conversations import LogEventType

_OVER = text("""
    SELECT x.conversation_id, array_agg(x.seq ORDER BY x.seq) AS seqs, c.deleted_at IS NOT NULL AS abandoned
    FROM (SELECT conversation_id, seq FROM messages WHERE expires_at <= now() AND deleted_at IS NULL
          ORDER BY expires_at LIMIT :limit) x
    JOIN conversations c ON c.id = x.conversation_id
    GROUP BY x.conversation_id, c.deleted_at
""")
_BURY = text("""
    UPDATE messages SET deleted_at = expires_at
    WHERE conversation_id = :conversation_id AND seq = ANY(CAST(:seqs AS bigint[])) AND deleted_at IS NULL
""")

_PURGE = purge_of("""
    SELECT conversation_id, seq FROM messages WHERE deleted_at < :before AND purged_at IS NULL
    ORDER BY deleted_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
""")


_ENDED = text("""
    SELECT id, deleted_at FROM conversations WHERE deleted_at < :before AND purged_at IS NULL
    ORDER BY deleted_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
""")
_BURY_NEXT = text("""
    UPDATE messages x SET deleted_at = :deleted_at
    FROM (SELECT conversation_id, seq FROM messages WHERE conversation_id = :id AND deleted_at IS NULL
          LIMIT :limit) next
    WHERE x.conversation_id = next.conversation_id AND x.seq = next.seq
""")
_EMPTY = (
    text("DELETE FROM pins WHERE conversation_id = :id"),
    text("DELETE FROM invites WHERE conversation_id = :id"),
    text("DELETE FROM scheduled_messages WHERE conversation_id = :id"),
    text("UPDATE members SET draft = NULL WHERE conversation_id = :id AND draft IS NOT NULL"),
    text(f"UPDATE log SET data = NULL WHERE conversation_id = :id AND type = '{LogEventType.CONVERSATION_UPDATED}'"),
    *(
        text(f"""
            DELETE FROM {table} kept USING members m
            WHERE m.conversation_id = :id AND kept.user_id = m.user_id AND kept.conversation_id = :id
        """)
        for table in ("mentions", "hidden_messages")
    ),
    text("UPDATE conversations SET title = NULL, avatar = NULL, purged_at = now() WHERE id = :id"),
)

_PURGE_REPORTS = text("""
    UPDATE reports SET reported_text = NULL, detail = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM reports WHERE closed_at < :before AND (reported_text IS NOT NULL OR detail IS NOT NULL)
        LIMIT :limit FOR UPDATE SKIP LOCKED))
""")


def _leftovers(table: str, condition: str) -> Any:
    return text(f"""
        DELETE FROM {table} WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {table} WHERE {condition} LIMIT :limit FOR UPDATE SKIP LOCKED))
    """)


_LEFTOVERS = {
    "scheduled": _leftovers("scheduled_messages", "failed IS NOT NULL AND send_at < :before"),
    "ledger": _leftovers("inbox_ledger", "at < :before"),
}


class RetentionRepository:
    """Finds what is over, and removes it."""

    async def over(self, session: AsyncSession, limit: int) -> Sequence[Row[Any]]:
        """Messages whose time is over, by conversation; of one that was `abandoned` nobody is to be told."""
        return (await session.execute(_OVER, {"limit": limit})).all()

    async def bury(self, session: AsyncSession, conversation_id: UUID, seqs: Sequence[int]) -> None:
        """Make tombstones in a conversation that is no more: it has no log to write that into."""
        await session.execute(_BURY, {"conversation_id": conversation_id, "seqs": list(seqs)})

    async def purge(self, session: AsyncSession, before: datetime, limit: int) -> int:
        """Remove the content of messages that were deleted before a time; returns how many."""
        return await self._count(session, _PURGE, before, limit)

    async def ended(self, session: AsyncSession, before: datetime) -> Row[Any] | None:
        """A group that ended before a time and is to be emptied, with when it did. It is locked."""
        return (await session.execute(_ENDED, {"before": before})).one_or_none()

    async def bury_next(self, session: AsyncSession, group: Row[Any], limit: int) -> int:
        """Make tombstones of messages of a group, as old as its end; returns of how many."""
        parameters = {"id": group.id, "deleted_at": group.deleted_at, "limit": limit}
        return int((await session.execute(_BURY_NEXT, parameters)).rowcount)  # type: ignore[attr-defined]

    async def empty(self, session: AsyncSession, group: Row[Any]) -> None:
        """Remove from a group all that is no message: its name, who it invited, what its members kept of it."""
        for statement in _EMPTY:
            await session.execute(statement, {"id": group.id})

    async def purge_reports(self, session: AsyncSession, before: datetime, limit: int) -> int:
        """Remove what was said from reports that were closed before a time; returns how many."""
        return await self._count(session, _PURGE_REPORTS, before, limit)

    async def forget(self, session: AsyncSession, what: str, before: datetime, limit: int) -> int:
        """Remove what was of use until a time: `scheduled` or `ledger`; returns how many."""
        return await self._count(session, _LEFTOVERS[what], before, limit)

    @staticmethod
    async def _count(session: AsyncSession, statement: Any, before: datetime, limit: int) -> int:
        result = await session.execute(statement, {"before": before, "limit": limit})
        return int(result.rowcount)  # type: ignore[attr-defined]
