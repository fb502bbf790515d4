"""The queries of members. Whoever writes holds the conversation's lock, and so finds what was read to be true."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_RANK = "array_position(ARRAY['owner', 'admin', 'member'], role)"
_PAGE = text(f"""
    SELECT user_id, username, role, joined_at, {_RANK} AS rank FROM members
    WHERE conversation_id = :conversation_id AND left_at IS NULL
      AND (CAST(:rank AS int) IS NULL
           OR ({_RANK}, joined_at, user_id) > (:rank, CAST(:joined_at AS timestamptz), CAST(:user_id AS text)))
    ORDER BY rank, joined_at, user_id LIMIT :limit
""")
_ONE = text("""
    SELECT user_id, username, role, joined_at FROM members
    WHERE conversation_id = :conversation_id AND user_id = :user_id AND left_at IS NULL
""")
_PRESENT = text("""
    SELECT user_id FROM members
    WHERE conversation_id = :conversation_id AND user_id = ANY(CAST(:users AS text[])) AND left_at IS NULL
""")
_OTHER_OWNERS = text("""
    SELECT count(*) FROM members
    WHERE conversation_id = :conversation_id AND user_id <> :user_id AND role = 'owner' AND left_at IS NULL
""")
_ADD = text("""
    INSERT INTO members AS m (conversation_id, user_id, username, role, joined_at, visible_from,
                              read_seq, read_msg_no, shown_seq, delivered_seq)
    SELECT :conversation_id, new.user_id, new.username, :role, :at,
           CASE WHEN :shared THEN 1 ELSE :first_seq + n - 1 END, :first_seq + n - 1, :msg_no,
           :first_seq + n - 1, :first_seq + n - 1
    FROM unnest(CAST(:users AS text[]), CAST(:usernames AS text[])) WITH ORDINALITY AS new (user_id, username, n)
    ON CONFLICT (conversation_id, user_id) DO UPDATE SET
        username = excluded.username, role = excluded.role, joined_at = excluded.joined_at, left_at = NULL,
        visible_from = excluded.visible_from, read_seq = excluded.read_seq, read_msg_no = excluded.read_msg_no,
        shown_seq = excluded.shown_seq, delivered_seq = excluded.delivered_seq, marked_unread = false,
        muted_until = NULL, pinned_at = NULL, archived_at = NULL, draft = NULL, removed = false,
        changed_xid = (pg_current_xact_id()::text)::bigint
    RETURNING user_id, visible_from
""")
_COUNT = text("UPDATE conversations SET member_count = member_count + :more WHERE id = :conversation_id")
_REMOVE = text("""
    UPDATE members SET left_at = :at, removed = :removed, changed_xid = (pg_current_xact_id()::text)::bigint
    WHERE conversation_id = :conversation_id AND user_id = :user_id
""")
_WAS_REMOVED = text("""
    SELECT removed FROM members WHERE conversation_id = :conversation_id AND user_id = :user_id
""")
_SET_ROLE = text("""
    UPDATE members SET role = :role, changed_xid = (pg_current_xact_id()::text)::bigint
    WHERE conversation_id = :conversation_id AND user_id = :user_id
""")


class MemberRepository:
    """Reads and writes the members of conversations."""

    async def page(
        self, session: AsyncSession, conversation_id: UUID, after: tuple[int, datetime, str] | None, limit: int
    ) -> Sequence[Row[Any]]:
        """Members: owners first, then admins; within a role by the time of joining."""
        rank, joined_at, user_id = after or (None, None, None)
        parameters = {
            "conversation_id": conversation_id,
            "rank": rank,
            "joined_at": joined_at,
            "user_id": user_id,
            "limit": limit,
        }
        return (await session.execute(_PAGE, parameters)).all()

    async def one(self, session: AsyncSession, conversation_id: UUID, user_id: str) -> Row[Any] | None:
        """A member."""
        return (await session.execute(_ONE, {"conversation_id": conversation_id, "user_id": user_id})).one_or_none()

    async def present(self, session: AsyncSession, conversation_id: UUID, users: Sequence[str]) -> set[str]:
        """Those of some people who are members."""
        parameters = {"conversation_id": conversation_id, "users": list(users)}
        return set((await session.scalars(_PRESENT, parameters)).all())

    async def other_owners(self, session: AsyncSession, conversation_id: UUID, user_id: str) -> int:
        """How many owners there are beside a person."""
        parameters = {"conversation_id": conversation_id, "user_id": user_id}
        return int(await session.scalar(_OTHER_OWNERS, parameters) or 0)

    async def add(
        self,
        session: AsyncSession,
        head: Any,
        people: Sequence[tuple[str, str]],
        *,
        role: str,
        first_seq: int,
        at: datetime,
    ) -> dict[str, int]:
        """Add people, by id and username, who are no members; returns from which place on each may read.

        Their events stand in the log from `first_seq` on. What was before counts as read.
        """
        parameters = {
            "conversation_id": head.id,
            "users": [user_id for user_id, _ in people],
            "usernames": [username for _, username in people],
            "role": role,
            "at": at,
            "shared": head.history == "shared",
            "first_seq": first_seq,
            "msg_no": head.last_msg_no,
        }
        rows = (await session.execute(_ADD, parameters)).all()
        await session.execute(_COUNT, {"conversation_id": head.id, "more": len(people)})
        return {row.user_id: row.visible_from for row in rows}

    async def remove(
        self, session: AsyncSession, conversation_id: UUID, user_id: str, at: datetime, *, removed: bool
    ) -> None:
        """Let a member be none any more; `removed`: by somebody else's choice."""
        parameters = {"conversation_id": conversation_id, "user_id": user_id, "at": at, "removed": removed}
        await session.execute(_REMOVE, parameters)
        await session.execute(_COUNT, {"conversation_id": conversation_id, "more": -1})

    async def was_removed(self, session: AsyncSession, conversation_id: UUID, user_id: str) -> bool:
        """Whether a person who is no member was one, and did not leave by choice."""
        parameters = {"conversation_id": conversation_id, "user_id": user_id}
        return bool(await session.scalar(_WAS_REMOVED, parameters))

    async def set_role(self, session: AsyncSession, conversation_id: UUID, user_id: str, role: str) -> None:
        """Give a member another role."""
        await session.execute(_SET_ROLE, {"conversation_id": conversation_id, "user_id": user_id, "role": role})
