"""The queries of the end of messages, and of what nobody will ask for again.

Each takes a bounded number of rows, and passes over those that another worker has taken.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

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

_PURGE = text("""
    WITH old AS (
        SELECT conversation_id, seq FROM messages WHERE deleted_at < :before AND purged_at IS NULL
        ORDER BY deleted_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    ), e AS (
        DELETE FROM edits USING old WHERE edits.conversation_id = old.conversation_id AND edits.seq = old.seq
    ), r AS (
        DELETE FROM reactions r USING old WHERE r.conversation_id = old.conversation_id AND r.seq = old.seq
    ), w AS (
        DELETE FROM search_words w USING old WHERE w.conversation_id = old.conversation_id AND w.seq = old.seq
    ), p AS (
        DELETE FROM preview_jobs p USING old WHERE p.conversation_id = old.conversation_id AND p.seq = old.seq
    )
    UPDATE messages x SET text = NULL, mentions = NULL, media = NULL, previews = NULL, purged_at = now()
    FROM old WHERE x.conversation_id = old.conversation_id AND x.seq = old.seq
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

    async def forget(self, session: AsyncSession, what: str, before: datetime, limit: int) -> int:
        """Remove what was of use until a time: `scheduled` or `ledger`; returns how many."""
        return await self._count(session, _LEFTOVERS[what], before, limit)

    @staticmethod
    async def _count(session: AsyncSession, statement: Any, before: datetime, limit: int) -> int:
        result = await session.execute(statement, {"before": before, "limit": limit})
        return int(result.rowcount)  # type: ignore[attr-defined]
