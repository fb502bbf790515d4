"""The queries of conversations. Every read is scoped to its reader: what one may not see does not come back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import BLOCKED, HIDDEN_MESSAGE, MESSAGE_COLUMNS
from messenger_contracts.conversations import LogEventType

_OTHERS = f"x.by <> me.user_id AND NOT (c.kind = 'group' AND x.by = ANY({BLOCKED}))"

_UNREAD = f"""(c.last_msg_no - me.read_msg_no
    - (SELECT count(*) FROM messages x
       WHERE x.conversation_id = c.id AND x.by COLLATE "C" = me.user_id AND x.seq > me.read_seq)
    - CASE WHEN c.kind = 'group' THEN
      (SELECT count(*) FROM messages x
       WHERE x.conversation_id = c.id AND x.by COLLATE "C" = ANY({BLOCKED}) AND x.seq > me.read_seq) ELSE 0 END
    - (SELECT count(*) FROM messages x
       WHERE x.conversation_id = c.id AND x.deleted_at IS NOT NULL AND x.seq > me.read_seq AND {_OTHERS})
    - (SELECT count(*) FROM hidden_messages h JOIN messages x ON x.conversation_id = h.conversation_id AND x.seq = h.seq
       WHERE h.user_id = me.user_id AND h.conversation_id = c.id AND h.seq > me.read_seq AND x.deleted_at IS NULL
         AND {_OTHERS}))"""
_MENTIONS = f"""(SELECT count(*) FROM mentions n
    JOIN messages x ON x.conversation_id = n.conversation_id AND x.seq = n.seq
    WHERE n.user_id = me.user_id AND n.conversation_id = c.id AND n.seq > me.read_seq AND x.deleted_at IS NULL
      AND {_OTHERS} AND NOT {HIDDEN_MESSAGE})"""

_KEPT = f"""me.read_seq, me.delivered_seq, me.marked_unread, me.role, me.draft,
    CASE WHEN me.muted_until > now() THEN me.muted_until END AS muted_until,
    me.pinned_at IS NOT NULL AS pinned, me.archived_at IS NOT NULL AS archived,
    {_UNREAD} AS unread, {_MENTIONS} AS mention_count"""
"""SQL: what a member keeps, and what is left to read. It is derived from positions, so that it cannot stick: the
messages after the mark, less the member's own, those of people whom the member blocks, and those that were deleted."""

_MINE = f"""
    SELECT c.id AS conversation_id, c.kind, c.title, c.avatar, c.history, c.epoch, c.version,
           c.created_at AS started_at, c.active_at, c.last_seq, c.last_msg_no, c.member_count, {_KEPT},
           (SELECT min(user_id) FROM members
            WHERE c.kind = 'direct' AND conversation_id = c.id AND user_id <> me.user_id) AS peer,
           m.*
    FROM members me JOIN conversations c ON c.id = me.conversation_id
    LEFT JOIN LATERAL (
        SELECT {MESSAGE_COLUMNS} FROM messages x
        WHERE x.conversation_id = c.id AND x.deleted_at IS NULL AND NOT {HIDDEN_MESSAGE} ORDER BY x.seq DESC LIMIT 1
    ) m ON true
    WHERE me.user_id = :reader AND me.left_at IS NULL
"""
_ONE = text(f"{_MINE} AND c.id = :conversation_id")
_PAGE = text(f"""
    {_MINE} AND (me.archived_at IS NOT NULL) = :archived
      AND (c.kind = 'group' OR me.visible_from = 1 OR m.message_id IS NOT NULL)
      AND (CAST(:at AS timestamptz) IS NULL OR (c.active_at, c.id) < (:at, CAST(:id AS uuid)))
    ORDER BY c.active_at DESC, c.id DESC LIMIT :limit
""")

_MEMBERSHIP = text("""
    SELECT c.id, c.kind, c.epoch, c.last_seq, c.closed_by, m.role, m.visible_from
    FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = :conversation_id AND m.user_id = :reader AND m.left_at IS NULL
""")
_POSITIONS_OF = text("""
    SELECT m.user_id, c.id, c.kind, c.epoch, c.last_seq, m.visible_from
    FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.user_id = ANY(CAST(:readers AS text[])) AND m.left_at IS NULL
""")
_POSITIONS = text(
    "SELECT id, kind, epoch, last_seq, 1 AS visible_from FROM conversations WHERE id = ANY(CAST(:ids AS uuid[]))"
)
_JOINED = text(f"""
    WITH since AS (
        SELECT CASE WHEN after = 0 OR after > version THEN version ELSE after END AS xid, version
        FROM (SELECT CAST(:after AS bigint) AS after,
                     (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint AS version) now
    ), found AS (
        SELECT DISTINCT m.user_id, c.id, c.kind, c.epoch, c.last_seq, m.visible_from
        FROM since JOIN log l ON l.xid >= since.xid AND l.type = '{LogEventType.MEMBER_JOINED}'
        JOIN members m ON m.conversation_id = l.conversation_id AND m.user_id = l.data ->> 'user_id'
        JOIN conversations c ON c.id = m.conversation_id
        WHERE m.user_id = ANY(CAST(:people AS text[])) AND m.left_at IS NULL
    )
    SELECT since.version, found.* FROM since LEFT JOIN found ON true
""")
"""A version is the oldest transaction that still ran: whatever was not seen yet is of it, or of a later one.

One that is ahead of the database's own is of the time before a restore, after which everybody comes back anyway.
"""
_PEERS = text("""
    SELECT o.user_id FROM conversations c JOIN members o ON o.conversation_id = c.id
    WHERE c.direct_key = ANY(CAST(:keys AS text[])) AND cardinality(c.closed_by) = 0 AND o.user_id <> :user_id
""")
_KEPT_STATE = text(f"""
    SELECT c.id, c.last_seq, c.epoch, {_KEPT}
    FROM members me JOIN conversations c ON c.id = me.conversation_id
    WHERE me.conversation_id = ANY(CAST(:ids AS uuid[])) AND me.user_id = :reader AND me.left_at IS NULL
""")

_BLOCKS_BETWEEN = text("""
    SELECT blocker, blocked FROM blocks
    WHERE active AND (blocker = :user_id AND blocked = ANY(CAST(:others AS text[]))
                      OR blocked = :user_id AND blocker = ANY(CAST(:others AS text[])))
""")
_HOLD_PAIR = text("SELECT pg_advisory_xact_lock(hashtextextended('direct ' || :direct_key, 0))")


class ConversationRepository:
    """Reads conversations and their members."""

    async def one(self, session: AsyncSession, reader: str, conversation_id: UUID) -> Row[Any] | None:
        """A conversation as a member sees it."""
        parameters = {"reader": reader, "conversation_id": conversation_id}
        return (await session.execute(_ONE, parameters)).one_or_none()

    async def page(
        self, session: AsyncSession, reader: str, archived: bool, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[Row[Any]]:
        """A member's conversations, newest activity first."""
        at, last_id = after or (None, None)
        parameters = {"reader": reader, "archived": archived, "at": at, "id": last_id, "limit": limit}
        return (await session.execute(_PAGE, parameters)).all()

    async def membership(self, session: AsyncSession, reader: str, conversation_id: UUID) -> Row[Any] | None:
        """The conversation's position and the reader's role, if the reader is in it."""
        parameters = {"reader": reader, "conversation_id": conversation_id}
        return (await session.execute(_MEMBERSHIP, parameters)).one_or_none()

    async def positions_of(self, session: AsyncSession, readers: Sequence[str]) -> Sequence[Row[Any]]:
        """Where each conversation of each of these people stands."""
        return (await session.execute(_POSITIONS_OF, {"readers": list(readers)})).all()

    async def positions(self, session: AsyncSession, ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Where some conversations stand, whoever is in them: for our own gateways."""
        return (await session.execute(_POSITIONS, {"ids": list(ids)})).all()

    async def joined(self, session: AsyncSession, people: Sequence[str], after: int) -> tuple[int, Sequence[Row[Any]]]:
        """The version as of now, and the conversations into which some people came since an earlier one."""
        rows = (await session.execute(_JOINED, {"people": list(people), "after": after})).all()
        return rows[0].version, [row for row in rows if row.user_id is not None]

    async def peers(self, session: AsyncSession, user_id: str, keys: Sequence[str]) -> Sequence[str]:
        """The other people of the direct conversations with these keys that nobody closed."""
        return (await session.execute(_PEERS, {"keys": list(keys), "user_id": user_id})).scalars().all()

    async def kept(self, session: AsyncSession, reader: str, ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """What a member keeps of conversations, and what is left to read in them."""
        return (await session.execute(_KEPT_STATE, {"reader": reader, "ids": list(ids)})).all()

    async def blocks_between(self, session: AsyncSession, user_id: str, others: Sequence[str]) -> Sequence[Row[Any]]:
        """Who of these people blocks the user, and whom of them the user blocks."""
        return (await session.execute(_BLOCKS_BETWEEN, {"user_id": user_id, "others": list(others)})).all()

    async def hold_pair(self, session: AsyncSession, direct_key: str) -> None:
        """Wait until no other transaction holds the pair, and hold it."""
        await session.execute(_HOLD_PAIR, {"direct_key": direct_key})
