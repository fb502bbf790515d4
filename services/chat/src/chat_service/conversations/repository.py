"""The queries of conversations. Every read is scoped to its reader: what one may not see does not come back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

UNREAD = """(c.last_msg_no - me.read_msg_no - (
    SELECT count(*) FROM messages own
    WHERE own.conversation_id = c.id AND own.by = me.user_id AND own.seq > me.read_seq))"""
"""SQL: what a member has not read, less the member's own. Derived from positions, so that it cannot stick."""

_MINE = f"""
    SELECT c.id AS conversation_id, c.kind, c.title, c.epoch, c.created_at AS started_at, c.active_at, c.last_seq,
           c.last_msg_no, me.read_seq, me.role, {UNREAD} AS unread,
           (SELECT count(*) FROM members WHERE conversation_id = c.id AND left_at IS NULL) AS member_count,
           (SELECT min(user_id) FROM members
            WHERE c.kind = 'direct' AND conversation_id = c.id AND user_id <> me.user_id) AS peer,
           m.id AS message_id, m.client_id, m.seq, m.msg_no, m.by, m.text, m.created_at
    FROM members me JOIN conversations c ON c.id = me.conversation_id
    LEFT JOIN LATERAL (
        SELECT * FROM messages WHERE conversation_id = c.id ORDER BY seq DESC LIMIT 1
    ) m ON true
    WHERE me.user_id = :reader AND me.left_at IS NULL
"""  # noqa: S608 - constants alone
_ONE = text(f"{_MINE} AND c.id = :conversation_id")
_PAGE = text(f"""
    {_MINE} AND (CAST(:at AS timestamptz) IS NULL OR (c.active_at, c.id) < (:at, CAST(:id AS uuid)))
    ORDER BY c.active_at DESC, c.id DESC LIMIT :limit
""")

_CREATE = text("""
    INSERT INTO conversations (id, kind, direct_key, epoch, created_at, active_at, last_seq)
    VALUES (:id, :kind, :direct_key, :epoch, :now, :now, :last_seq) ON CONFLICT (direct_key) DO NOTHING RETURNING id
""")
_ADD_MEMBERS = text("""
    INSERT INTO members (conversation_id, user_id, username, role, joined_at)
    SELECT :conversation_id, new.user_id, new.username, :role, :now
    FROM unnest(CAST(:users AS text[]), CAST(:usernames AS text[])) AS new (user_id, username)
""")
_BY_KEY = text("SELECT id FROM conversations WHERE direct_key = :direct_key")
_IS_MEMBER = text("""
    SELECT c.epoch, c.last_seq FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = :conversation_id AND m.user_id = :reader AND m.left_at IS NULL
""")
_POSITIONS_OF = text("""
    SELECT c.id, c.epoch, c.last_seq FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.user_id = :reader AND m.left_at IS NULL
""")
_POSITIONS = text("SELECT id, epoch, last_seq FROM conversations WHERE id = ANY(CAST(:ids AS uuid[]))")
_MOVE_READ = text("""
    UPDATE members m SET read_seq = :seq, read_msg_no = coalesce(
        (SELECT x.msg_no FROM messages x WHERE x.conversation_id = :conversation_id AND x.seq <= :seq
         ORDER BY x.seq DESC LIMIT 1), 0)
    FROM conversations c
    WHERE m.conversation_id = :conversation_id AND m.user_id = :reader AND m.left_at IS NULL
      AND c.id = m.conversation_id AND m.read_seq < :seq AND :seq <= c.last_seq
""")
_READ_STATE = text(f"""
    SELECT me.read_seq, c.last_seq, {UNREAD} AS unread
    FROM members me JOIN conversations c ON c.id = me.conversation_id
    WHERE me.conversation_id = :conversation_id AND me.user_id = :reader AND me.left_at IS NULL
""")  # noqa: S608 - a constant alone


class ConversationRepository:
    """Reads and writes conversations and their members."""

    async def create(
        self,
        session: AsyncSession,
        conversation_id: UUID,
        kind: str,
        key: str,
        epoch: str,
        now: datetime,
        last_seq: int,
    ) -> bool:
        """Insert a conversation; False when one with the same key is there."""
        parameters = {
            "id": conversation_id,
            "kind": kind,
            "direct_key": key,
            "epoch": epoch,
            "now": now,
            "last_seq": last_seq,
        }
        return (await session.execute(_CREATE, parameters)).one_or_none() is not None

    async def by_key(self, session: AsyncSession, key: str) -> UUID:
        """The conversation of a direct key that is known to exist."""
        conversation_id: UUID = (await session.execute(_BY_KEY, {"direct_key": key})).scalar_one()
        return conversation_id

    async def add_members(
        self, session: AsyncSession, conversation_id: UUID, people: dict[str, str], role: str, now: datetime
    ) -> None:
        """Insert members; `people` are usernames by id."""
        parameters = {
            "conversation_id": conversation_id,
            "users": list(people.keys()),
            "usernames": list(people.values()),
            "role": role,
            "now": now,
        }
        await session.execute(_ADD_MEMBERS, parameters)

    async def one(self, session: AsyncSession, reader: str, conversation_id: UUID) -> Row[Any] | None:
        """A conversation as a member sees it."""
        parameters = {"reader": reader, "conversation_id": conversation_id}
        return (await session.execute(_ONE, parameters)).one_or_none()

    async def page(
        self, session: AsyncSession, reader: str, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[Row[Any]]:
        """A member's conversations, newest activity first."""
        at, last_id = after or (None, None)
        parameters = {"reader": reader, "at": at, "id": last_id, "limit": limit}
        return (await session.execute(_PAGE, parameters)).all()

    async def head(self, session: AsyncSession, reader: str, conversation_id: UUID) -> Row[Any] | None:
        """Epoch and last position, if the reader is a member."""
        parameters = {"reader": reader, "conversation_id": conversation_id}
        return (await session.execute(_IS_MEMBER, parameters)).one_or_none()

    async def positions_of(self, session: AsyncSession, reader: str) -> Sequence[Row[Any]]:
        """Where each conversation of a person stands."""
        return (await session.execute(_POSITIONS_OF, {"reader": reader})).all()

    async def positions(self, session: AsyncSession, ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Where some conversations stand, whoever is in them: for our own gateways."""
        return (await session.execute(_POSITIONS, {"ids": list(ids)})).all()

    async def move_read(self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int) -> bool:
        """Move a read mark forward, never back and never beyond the log; returns whether it moved."""
        parameters = {"reader": reader, "conversation_id": conversation_id, "seq": seq}
        result = await session.execute(_MOVE_READ, parameters)
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def read_state(self, session: AsyncSession, reader: str, conversation_id: UUID) -> Row[Any] | None:
        """A member's read mark, and what is left to read."""
        parameters = {"reader": reader, "conversation_id": conversation_id}
        return (await session.execute(_READ_STATE, parameters)).one_or_none()
