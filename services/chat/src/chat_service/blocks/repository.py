"""The queries of blocks."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.blocks.domain import Block
from chat_service.erasures.domain import DELETED_NAME

_LOCK = text("SELECT id FROM conversations WHERE direct_key = :direct_key FOR NO KEY UPDATE")
_PUT = text("""
    INSERT INTO blocks AS b (blocker, blocked, active, version) VALUES (:blocker, :blocked, :active, :version)
    ON CONFLICT (blocker, blocked)
    DO UPDATE SET active = excluded.active, version = excluded.version, xid = excluded.xid
    WHERE b.version < excluded.version
""")
_CLOSE = text(f"""
    UPDATE conversations SET closed_by = ARRAY(
        SELECT blocker FROM blocks
        WHERE active AND blocker = ANY(CAST(:people AS text[])) AND blocked = ANY(CAST(:people AS text[]))
        UNION
        SELECT user_id FROM members WHERE conversation_id = conversations.id AND username = '{DELETED_NAME}'
        ORDER BY 1)
    WHERE direct_key = :direct_key
""")
"""Nobody opens a conversation again whose other seat is empty."""

_OF = """
    SELECT p.user_id,
           ARRAY(SELECT blocked FROM blocks WHERE blocker = p.user_id AND active ORDER BY blocked) AS blocked,
           ARRAY(SELECT blocker FROM blocks WHERE blocked = p.user_id AND active ORDER BY blocker) AS blocked_by
"""
_RELATIONS = text(f"{_OF} FROM unnest(CAST(:people AS text[])) AS p (user_id)")
_CHANGED = text(f"""
    WITH since AS (
        SELECT CASE WHEN :after > version THEN 0 ELSE :after END AS xid, version
        FROM (SELECT (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint AS version) now
    ), p AS (
        SELECT blocker AS user_id FROM blocks, since
        WHERE blocks.xid >= since.xid AND blocker = ANY(CAST(:people AS text[]))
        UNION
        SELECT blocked FROM blocks, since
        WHERE blocks.xid >= since.xid AND blocked = ANY(CAST(:people AS text[]))
    ), found AS ({_OF} FROM p)
    SELECT since.version, found.* FROM since LEFT JOIN found ON true
""")
"""A version is the oldest transaction that still ran: whatever was not seen yet is of it, or of a later one.

One that is ahead of the database's own is of the time before a restore, and says nothing.
"""


class BlockRepository:
    """Reads and writes who blocks whom."""

    async def lock(self, session: AsyncSession, block: Block) -> None:
        """Lock the direct conversation of two people, if there is one, until the transaction ends."""
        await session.execute(_LOCK, {"direct_key": block.direct_key})

    async def put(self, session: AsyncSession, block: Block) -> None:
        """Write a block, unless a newer version of it is there, and close or open the conversation accordingly.

        The conversation's `last_xid` stays: nothing that a member is shown changes, and to be blocked shows nowhere.
        """
        await session.execute(_PUT, asdict(block))
        await session.execute(_CLOSE, {"people": block.people, "direct_key": block.direct_key})

    async def relations(self, session: AsyncSession, people: Sequence[str]) -> Sequence[Row[Any]]:
        """Whom each of some people blocks, and by whom each is blocked."""
        return (await session.execute(_RELATIONS, {"people": list(people)})).all()

    async def changed(self, session: AsyncSession, people: Sequence[str], after: int) -> tuple[int, Sequence[Row[Any]]]:
        """The version as of now, and the relations of those of the people who had a change since an earlier one."""
        rows = (await session.execute(_CHANGED, {"people": list(people), "after": after})).all()
        return rows[0].version, [row for row in rows if row.user_id is not None]
