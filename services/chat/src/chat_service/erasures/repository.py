"""The queries of erasures: what is kept of a person, in bounded stretches, and what takes it away."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.erasures.domain import DELETED_NAME
from chat_service.retention.models import purge_of

_PLACES = text("""
    SELECT m.conversation_id, c.kind, c.deleted_at IS NOT NULL AS abandoned
    FROM members m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.user_id = :user_id ORDER BY m.conversation_id
""")

# The collation is that of the index `messages_by_sender`.
_MESSAGES = text("""
    SELECT seq FROM messages
    WHERE conversation_id = :conversation_id AND by COLLATE "C" = :user_id AND purged_at IS NULL
    ORDER BY seq LIMIT :limit
""")
_BURY = text("""
    UPDATE messages SET deleted_at = now()
    WHERE conversation_id = :conversation_id AND seq = ANY(CAST(:seqs AS bigint[])) AND deleted_at IS NULL
""")
_PURGE = purge_of("""
    SELECT conversation_id, seq FROM messages
    WHERE conversation_id = :conversation_id AND seq = ANY(CAST(:seqs AS bigint[]))
""")

_REACTIONS = text("""
    DELETE FROM reactions WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM reactions WHERE user_id = :user_id AND conversation_id = :conversation_id LIMIT :limit))
    RETURNING seq, emoji
""")

_MEMBER = text("""
    SELECT role, left_at IS NULL AS present FROM members
    WHERE conversation_id = :conversation_id AND user_id = :user_id
""")
_HEIR = text("""
    SELECT user_id, username FROM members
    WHERE conversation_id = :conversation_id AND user_id <> :user_id AND left_at IS NULL
    ORDER BY array_position(ARRAY['owner', 'admin', 'member'], role), joined_at, user_id LIMIT 1
""")
_OTHER_OWNERS = text("""
    SELECT count(*) FROM members
    WHERE conversation_id = :conversation_id AND user_id <> :user_id AND role = 'owner' AND left_at IS NULL
""")
_PROMOTE = text("""
    UPDATE members SET role = 'owner', changed_xid = (pg_current_xact_id()::text)::bigint
    WHERE conversation_id = :conversation_id AND user_id = :user_id
""")
_FORGET_MEMBER = text("DELETE FROM members WHERE conversation_id = :conversation_id AND user_id = :user_id")
_COUNT_OUT = text("UPDATE conversations SET member_count = member_count - 1 WHERE id = :conversation_id")
_TAKE_PICTURE = text("""
    UPDATE conversations SET avatar = NULL, avatar_by = NULL, version = version + 1 WHERE id = :conversation_id
""")
_END = text("UPDATE conversations SET deleted_at = now(), member_count = 0 WHERE id = :conversation_id")
_RENAME = text(f"""
    UPDATE members SET username = '{DELETED_NAME}', draft = NULL, muted_until = NULL, pinned_at = NULL,
        archived_at = NULL, marked_unread = false, changed_xid = (pg_current_xact_id()::text)::bigint
    WHERE conversation_id = :conversation_id AND user_id = :user_id
""")
_CLOSE = text("""
    UPDATE conversations SET closed_by = ARRAY[CAST(:user_id AS text)], last_xid = (pg_current_xact_id()::text)::bigint
    WHERE id = :conversation_id
""")
_UNNAME = (
    text(f"""
        UPDATE log SET by_name = '{DELETED_NAME}'
        WHERE conversation_id = :conversation_id AND by = :user_id AND by_name <> '{DELETED_NAME}'
    """),
    text(f"""
        UPDATE log SET data = jsonb_set(data, '{{username}}', '"{DELETED_NAME}"')
        WHERE conversation_id = :conversation_id AND data->>'user_id' = :user_id
          AND data->>'username' <> '{DELETED_NAME}'
    """),
)

_OWN = {
    "mentions": "DELETE FROM mentions WHERE user_id = :user_id",
    "hidden messages": "DELETE FROM hidden_messages WHERE user_id = :user_id",
    "scheduled messages": "DELETE FROM scheduled_messages WHERE by = :user_id",
    "invites": "DELETE FROM invites WHERE created_by = :user_id",
    "blocks": "DELETE FROM blocks WHERE blocker = :user_id OR blocked = :user_id",
    "idempotency keys": "DELETE FROM idempotency_keys WHERE caller = :user_id",
    "reported messages": """
        UPDATE reports SET reported_text = NULL WHERE author = :user_id AND reported_text IS NOT NULL
    """,
    "reports": "UPDATE reports SET detail = NULL WHERE reporter = :user_id AND detail IS NOT NULL",
}

_LEFT = text(f"""
    SELECT 'messages' AS kind, count(*) AS n FROM members m JOIN messages x
        ON x.conversation_id = m.conversation_id AND x.by COLLATE "C" = m.user_id AND x.purged_at IS NULL
        WHERE m.user_id = :user_id
    UNION ALL SELECT 'memberships', count(*) FROM members m JOIN conversations c ON c.id = m.conversation_id
        WHERE m.user_id = :user_id AND (c.kind = 'group' OR m.username <> '{DELETED_NAME}' OR m.draft IS NOT NULL)
    UNION ALL SELECT 'reactions', count(*) FROM reactions WHERE user_id = :user_id
    UNION ALL SELECT 'mentions', count(*) FROM mentions WHERE user_id = :user_id
    UNION ALL SELECT 'hidden messages', count(*) FROM hidden_messages WHERE user_id = :user_id
    UNION ALL SELECT 'scheduled messages', count(*) FROM scheduled_messages WHERE by = :user_id
    UNION ALL SELECT 'invites', count(*) FROM invites WHERE created_by = :user_id
    UNION ALL SELECT 'blocks', count(*) FROM blocks WHERE blocker = :user_id OR blocked = :user_id
    UNION ALL SELECT 'idempotency keys', count(*) FROM idempotency_keys WHERE caller = :user_id
    UNION ALL SELECT 'reported messages', count(*) FROM reports
        WHERE author = :user_id AND reported_text IS NOT NULL
    UNION ALL SELECT 'reports', count(*) FROM reports WHERE reporter = :user_id AND detail IS NOT NULL
""")


class ErasureRepository:
    """Finds what is kept of a person, and takes it away. Whoever changes a conversation holds its lock."""

    async def places(self, session: AsyncSession, user_id: str) -> Sequence[Row[Any]]:
        """The conversations that a person is or was in: `conversation_id`, `kind`, and whether it is `abandoned`.

        Who ever wrote in one has a row there, until nothing else of the person is.
        """
        return (await session.execute(_PLACES, {"user_id": user_id})).all()

    async def messages(self, session: AsyncSession, user_id: str, conversation_id: UUID, limit: int) -> list[int]:
        """Some of a person's messages that still have content, deleted ones too."""
        parameters = {"user_id": user_id, "conversation_id": conversation_id, "limit": limit}
        return list((await session.scalars(_MESSAGES, parameters)).all())

    async def purge(self, session: AsyncSession, conversation_id: UUID, seqs: Sequence[int]) -> None:
        """Make tombstones of messages that are none yet, and remove what they said, for good."""
        parameters = {"conversation_id": conversation_id, "seqs": list(seqs)}
        await session.execute(_BURY, parameters)
        await session.execute(_PURGE, parameters)

    async def take_reactions(
        self, session: AsyncSession, user_id: str, conversation_id: UUID, limit: int
    ) -> Sequence[Row[Any]]:
        """Remove some of a person's reactions in a conversation; returns the `seq` and `emoji` of each."""
        parameters = {"user_id": user_id, "conversation_id": conversation_id, "limit": limit}
        return (await session.execute(_REACTIONS, parameters)).all()

    async def member(self, session: AsyncSession, user_id: str, conversation_id: UUID) -> Row[Any] | None:
        """A person's role, and whether the person is `present`; None if there is no row."""
        return (await session.execute(_MEMBER, _key(user_id, conversation_id))).one_or_none()

    async def heir(self, session: AsyncSession, user_id: str, conversation_id: UUID) -> Row[Any] | None:
        """Who is to own a group after its owner: the member of the highest rank, of those the one who came first."""
        return (await session.execute(_HEIR, _key(user_id, conversation_id))).one_or_none()

    async def has_other_owner(self, session: AsyncSession, user_id: str, conversation_id: UUID) -> bool:
        """Whether somebody else owns the group."""
        return bool(await session.scalar(_OTHER_OWNERS, _key(user_id, conversation_id)))

    async def promote(self, session: AsyncSession, user_id: str, conversation_id: UUID) -> None:
        """Let a member own the group."""
        await session.execute(_PROMOTE, _key(user_id, conversation_id))

    async def take_picture(self, session: AsyncSession, conversation_id: UUID) -> None:
        """Let a group have no picture."""
        await session.execute(_TAKE_PICTURE, {"conversation_id": conversation_id})

    async def end(self, session: AsyncSession, conversation_id: UUID) -> None:
        """Delete a group that nobody else is in."""
        await session.execute(_END, {"conversation_id": conversation_id})

    async def forget_member(self, session: AsyncSession, user_id: str, conversation_id: UUID, *, counted: bool) -> None:
        """Remove the row of a member of a group. `counted`: one who was still in it."""
        await session.execute(_FORGET_MEMBER, _key(user_id, conversation_id))
        if counted:
            await session.execute(_COUNT_OUT, {"conversation_id": conversation_id})

    async def empty_seat(self, session: AsyncSession, user_id: str, conversation_id: UUID) -> None:
        """Leave a nameless row in a direct conversation, which nobody can write in any more."""
        await session.execute(_RENAME, _key(user_id, conversation_id))
        await session.execute(_CLOSE, _key(user_id, conversation_id))

    async def unname(self, session: AsyncSession, user_id: str, conversation_id: UUID) -> None:
        """Take a person's name out of a log; its events and their places stay."""
        for statement in _UNNAME:
            await session.execute(statement, _key(user_id, conversation_id))

    async def own(self, session: AsyncSession, user_id: str) -> None:
        """Remove what a person kept for themselves, and what others kept of them elsewhere than in conversations."""
        for statement in _OWN.values():
            await session.execute(text(statement), {"user_id": user_id})

    async def left(self, session: AsyncSession, user_id: str) -> dict[str, int]:
        """What is left of a person, by kind, without those of which nothing is."""
        rows = (await session.execute(_LEFT, {"user_id": user_id})).all()
        return {row.kind: row.n for row in rows if row.n}


def _key(user_id: str, conversation_id: UUID) -> dict[str, Any]:
    return {"user_id": user_id, "conversation_id": conversation_id}
