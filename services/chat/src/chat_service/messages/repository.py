"""The queries of messages. Every read is scoped to its reader: what one may not see does not come back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import HIDDEN_MESSAGE, MESSAGE_COLUMNS

_READER = """
    members me JOIN conversations c ON c.id = me.conversation_id AND me.user_id = :reader
    AND me.conversation_id = :conversation_id AND me.left_at IS NULL
"""


def _stretch(condition: str, order: str) -> Any:
    """A page of messages.

    The limit stands inside: so the index of the key, or of a thread, is read in its order, from the position on and no
    further than the page, however long the history is and wherever the reader's part of it begins.
    """
    return text(f"""
        SELECT {MESSAGE_COLUMNS} FROM {_READER}
        CROSS JOIN LATERAL (
            SELECT x.* FROM messages x
            WHERE x.conversation_id = c.id AND x.seq >= me.visible_from AND {condition} AND NOT {HIDDEN_MESSAGE}
            ORDER BY x.seq {order} LIMIT :limit
        ) x ORDER BY x.seq {order}
    """)


_BEFORE = _stretch("x.seq < :seq", "DESC")
_AFTER = _stretch("x.seq > :seq", "ASC")
_THREAD = _stretch("x.seq > :seq AND x.thread_root = :root", "ASC")

_FIND = text(f"""
    SELECT {MESSAGE_COLUMNS}, {HIDDEN_MESSAGE} AS hidden FROM {_READER}
    JOIN messages x ON x.conversation_id = c.id AND x.seq >= me.visible_from
    WHERE x.id = :id
""")

_KEEP_VERSION = text("""
    INSERT INTO edits (conversation_id, seq, version, text, mentions, until)
    SELECT x.conversation_id, x.seq,
           1 + coalesce((SELECT max(version) FROM edits e
                         WHERE e.conversation_id = x.conversation_id AND e.seq = x.seq), 0),
           x.text, x.mentions, :at
    FROM messages x WHERE x.conversation_id = :conversation_id AND x.seq = :seq
""")
_EDIT = text("""
    UPDATE messages SET text = :text, mentions = CAST(:mentions AS text[]), edited_at = :at
    WHERE conversation_id = :conversation_id AND seq = :seq
""")
_VERSIONS = text("""
    SELECT version, text, mentions, until FROM edits
    WHERE conversation_id = :conversation_id AND seq = :seq AND version > :after ORDER BY version LIMIT :limit
""")

_MEMBERS_OF = text("""
    SELECT user_id FROM members
    WHERE conversation_id = :conversation_id AND user_id = ANY(CAST(:users AS text[])) AND left_at IS NULL
""")
_FORGET_MENTIONS = text("""
    DELETE FROM mentions n USING messages x
    WHERE x.conversation_id = :conversation_id AND x.seq = ANY(CAST(:seqs AS bigint[]))
      AND n.user_id = ANY(x.mentions) AND n.conversation_id = x.conversation_id AND n.seq = x.seq
""")
_MENTION = text("""
    INSERT INTO mentions (user_id, conversation_id, seq)
    SELECT user_id, :conversation_id, :seq FROM unnest(CAST(:users AS text[])) AS new (user_id)
""")

_BURY = text("""
    UPDATE messages SET deleted_at = :at
    WHERE conversation_id = :conversation_id AND seq = ANY(CAST(:seqs AS bigint[])) AND deleted_at IS NULL
    RETURNING seq
""")
_UNPIN = text("""
    DELETE FROM pins WHERE conversation_id = :conversation_id AND seq = ANY(CAST(:seqs AS bigint[]))
""")
_HIDE = text("""
    INSERT INTO hidden_messages (user_id, conversation_id, seq) VALUES (:reader, :conversation_id, :seq)
    ON CONFLICT DO NOTHING RETURNING seq
""")


class MessageRepository:
    """Reads messages for one reader at a time, and changes those of a locked conversation."""

    async def before(
        self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int, limit: int
    ) -> Sequence[Row[Any]]:
        """Messages below a position, newest first."""
        return await self._range(session, _BEFORE, reader, conversation_id, seq, limit)

    async def after(
        self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int, limit: int
    ) -> Sequence[Row[Any]]:
        """Messages above a position, oldest first."""
        return await self._range(session, _AFTER, reader, conversation_id, seq, limit)

    async def thread(
        self, session: AsyncSession, reader: str, conversation_id: UUID, root: UUID, seq: int, limit: int
    ) -> Sequence[Row[Any]]:
        """Messages of a thread above a position, oldest first."""
        return await self._range(session, _THREAD, reader, conversation_id, seq, limit, root=root)

    async def find(
        self, session: AsyncSession, reader: str, conversation_id: UUID, message_id: UUID
    ) -> Row[Any] | None:
        """A message by its id, and whether it is `hidden` from its reader."""
        parameters = {"reader": reader, "conversation_id": conversation_id, "id": message_id}
        return (await session.execute(_FIND, parameters)).one_or_none()

    async def versions(
        self, session: AsyncSession, conversation_id: UUID, seq: int, after: int, limit: int
    ) -> Sequence[Row[Any]]:
        """What a message said before, oldest first."""
        parameters = {"conversation_id": conversation_id, "seq": seq, "after": after, "limit": limit}
        return (await session.execute(_VERSIONS, parameters)).all()

    async def members_of(self, session: AsyncSession, conversation_id: UUID, users: Sequence[str]) -> list[str]:
        """Those of some people who are in a conversation."""
        parameters = {"conversation_id": conversation_id, "users": list(users)}
        return list((await session.execute(_MEMBERS_OF, parameters)).scalars())

    async def edit(
        self,
        session: AsyncSession,
        conversation_id: UUID,
        seq: int,
        at: datetime,
        body: str,
        mentions: Sequence[str],
    ) -> None:
        """Let a message say something else, and keep what it said."""
        key = {"conversation_id": conversation_id, "seq": seq}
        await session.execute(_KEEP_VERSION, {**key, "at": at})
        await session.execute(_FORGET_MENTIONS, {"conversation_id": conversation_id, "seqs": [seq]})
        await session.execute(_EDIT, {**key, "at": at, "text": body, "mentions": list(mentions)})
        if mentions:
            await session.execute(_MENTION, {**key, "users": list(mentions)})

    async def bury(self, session: AsyncSession, conversation_id: UUID, seqs: Sequence[int], at: datetime) -> list[int]:
        """Make tombstones of messages; returns which of them were none yet. Nobody is mentioned there any more."""
        parameters = {"conversation_id": conversation_id, "seqs": list(seqs)}
        buried = (await session.execute(_BURY, {**parameters, "at": at})).scalars().all()
        await session.execute(_FORGET_MENTIONS, parameters)
        await session.execute(_UNPIN, parameters)
        return sorted(buried)

    async def hide(self, session: AsyncSession, reader: str, conversation_id: UUID, seq: int) -> bool:
        """Hide a message from one person; returns whether it was not."""
        parameters = {"reader": reader, "conversation_id": conversation_id, "seq": seq}
        return (await session.execute(_HIDE, parameters)).one_or_none() is not None

    @staticmethod
    async def _range(
        session: AsyncSession,
        query: Any,
        reader: str,
        conversation_id: UUID,
        seq: int,
        limit: int,
        **more: Any,
    ) -> Sequence[Row[Any]]:
        parameters = {"reader": reader, "conversation_id": conversation_id, "seq": seq, "limit": limit, **more}
        return (await session.execute(query, parameters)).all()
