"""The queries that begin, change and end conversations."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.conversations.models import ConversationRow

_CREATE = text("""
    INSERT INTO conversations
        (id, kind, direct_key, title, avatar, avatar_by, history, epoch, created_at, active_at, last_seq, member_count,
         closed_by)
    VALUES (:id, :kind, :direct_key, :title, :avatar, :avatar_by, :history, :epoch, :now, :now, :last_seq, :members,
            '{}')
    ON CONFLICT (direct_key) DO NOTHING RETURNING id
""")
_ADD_MEMBERS = text("""
    INSERT INTO members (conversation_id, user_id, username, role, joined_at)
    SELECT :conversation_id, new.user_id, new.username, new.role, :now
    FROM unnest(CAST(:users AS text[]), CAST(:usernames AS text[]), CAST(:roles AS text[]))
         AS new (user_id, username, role)
""")
_BY_KEY = text("SELECT id FROM conversations WHERE direct_key = :direct_key")
_CHANGE = text("""
    UPDATE conversations
    SET title = :title, avatar = :avatar, avatar_by = :avatar_by, history = :history, version = version + 1
    WHERE id = :id
""")
_END = text("UPDATE conversations SET deleted_at = :at, member_count = 0 WHERE id = :id")
_DISMISS = text("""
    UPDATE members SET left_at = :at, changed_xid = (pg_current_xact_id()::text)::bigint
    WHERE conversation_id = :id AND left_at IS NULL RETURNING user_id
""")
_CLEAR = text("""
    UPDATE members SET visible_from = :seq, read_seq = :seq, read_msg_no = :msg_no, marked_unread = false,
        pinned_at = NULL, archived_at = NULL, draft = NULL,
        changed_xid = (pg_current_xact_id()::text)::bigint
    WHERE conversation_id = :id AND user_id = :user_id
""")


class LifecycleRepository:
    """Writes conversations as wholes. Whoever changes one holds its lock."""

    async def create(
        self, session: AsyncSession, new: ConversationRow, members: Sequence[tuple[str, str, str]], last_seq: int
    ) -> bool:
        """Insert a conversation with its members: `(id, username, role)`, and the log's end when it has begun.

        False when one with the same key is there.
        """
        users, usernames, roles = (list(column) for column in zip(*members, strict=True))
        parameters = {
            "id": new.id,
            "kind": new.kind,
            "direct_key": new.direct_key,
            "title": new.title,
            "avatar": new.avatar,
            "avatar_by": new.avatar_by,
            "history": new.history,
            "epoch": new.epoch,
            "now": new.created_at,
            "last_seq": last_seq,
            "members": len(members),
        }
        if (await session.execute(_CREATE, parameters)).one_or_none() is None:
            return False
        rows = {
            "conversation_id": new.id,
            "users": users,
            "usernames": usernames,
            "roles": roles,
            "now": new.created_at,
        }
        await session.execute(_ADD_MEMBERS, rows)
        return True

    async def by_key(self, session: AsyncSession, key: str) -> UUID:
        """The conversation of a direct key that is known to exist."""
        conversation_id: UUID = (await session.execute(_BY_KEY, {"direct_key": key})).scalar_one()
        return conversation_id

    async def change(self, session: AsyncSession, conversation_id: UUID, face: Mapping[str, Any]) -> None:
        """Give a group another title, avatar and history, and so another version."""
        await session.execute(_CHANGE, {"id": conversation_id, **face})

    async def end(self, session: AsyncSession, conversation_id: UUID, at: datetime) -> Sequence[str]:
        """Delete a group for all of its members; returns who they were."""
        parameters = {"id": conversation_id, "at": at}
        await session.execute(_END, parameters)
        return (await session.scalars(_DISMISS, parameters)).all()

    async def clear(self, session: AsyncSession, conversation_id: UUID, user_id: str, seq: int, msg_no: int) -> None:
        """Let a member's conversation begin at `seq`, as if nothing had been there before."""
        await session.execute(_CLEAR, {"id": conversation_id, "user_id": user_id, "seq": seq, "msg_no": msg_no})
