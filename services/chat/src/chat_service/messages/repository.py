"""The queries of messages. Sending is three statements for a whole group, however many sends it holds.

The write goes to `messages`, `log` and `conversations` in one statement: they are one fact.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.messages.domain import Head, Send, Stored
from messenger_contracts.conversations import LogEventType

_LOCK = text("""
    SELECT id, epoch, last_seq, last_msg_no FROM conversations
    WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
""")

_KNOWN = text("""
    SELECT s.place, m.user_id IS NOT NULL AS member, x.id, x.seq, x.msg_no, x.digest, x.created_at
    FROM unnest(CAST(:conversations AS uuid[]), CAST(:users AS text[]), CAST(:client_ids AS uuid[]))
         WITH ORDINALITY AS s (conversation_id, user_id, client_id, place)
    LEFT JOIN members m
      ON m.conversation_id = s.conversation_id AND m.user_id = s.user_id AND m.left_at IS NULL
    LEFT JOIN messages x
      ON x.conversation_id = s.conversation_id AND x.by = s.user_id AND x.client_id = s.client_id
""")

_WRITE = text(f"""
    WITH new AS (
        SELECT * FROM unnest(
            CAST(:conversations AS uuid[]), CAST(:seqs AS bigint[]), CAST(:msg_nos AS bigint[]), CAST(:ids AS uuid[]),
            CAST(:users AS text[]), CAST(:usernames AS text[]), CAST(:client_ids AS uuid[]),
            CAST(:digests AS bytea[]), CAST(:texts AS text[]), CAST(:times AS timestamptz[])
        ) AS new (conversation_id, seq, msg_no, id, by, by_name, client_id, digest, text, created_at)
    ), message AS (
        INSERT INTO messages (conversation_id, seq, msg_no, id, by, client_id, digest, text, created_at)
        SELECT conversation_id, seq, msg_no, id, by, client_id, digest, text, created_at FROM new
    ), entry AS (
        INSERT INTO log (conversation_id, seq, type, at, by, by_name)
        SELECT conversation_id, seq, '{LogEventType.MESSAGE_CREATED}', created_at, by, by_name FROM new
    )
    UPDATE conversations c SET last_seq = head.seq, last_msg_no = head.msg_no, active_at = head.at
    FROM (SELECT conversation_id, max(seq) AS seq, max(msg_no) AS msg_no, max(created_at) AS at
          FROM new GROUP BY conversation_id) head
    WHERE c.id = head.conversation_id
""")  # noqa: S608 - a constant alone

_COLUMNS = "x.conversation_id, x.seq, x.id AS message_id, x.msg_no, x.by, x.client_id, x.text, x.created_at"
_SCOPE = """
    FROM messages x JOIN members m ON m.conversation_id = x.conversation_id
     AND m.user_id = :reader AND m.left_at IS NULL
    WHERE x.conversation_id = :conversation_id
"""
_BEFORE = text(f"SELECT {_COLUMNS} {_SCOPE} AND x.seq < :seq ORDER BY x.seq DESC LIMIT :limit")
_AFTER = text(f"SELECT {_COLUMNS} {_SCOPE} AND x.seq > :seq ORDER BY x.seq LIMIT :limit")
_ONE = text(f"SELECT {_COLUMNS} {_SCOPE} AND x.id = :id")


class MessageRepository:
    """Reads and writes messages. Every read is scoped to its reader."""

    async def lock(self, session: AsyncSession, sends: Sequence[Send]) -> dict[UUID, Head]:
        """Lock the conversations of a group, in the order of their ids, until the transaction ends."""
        rows = await session.execute(_LOCK, {"ids": sorted({send.conversation_id for send in sends})})
        return {row.id: Head(row.epoch, row.last_seq, row.last_msg_no) for row in rows}

    async def known(
        self, session: AsyncSession, sends: Sequence[Send]
    ) -> tuple[Mapping[int, bool], Mapping[int, Stored]]:
        """Whose sender is a member, and which sends were stored before, by place. Only true while the lock is held."""
        parameters = {
            "conversations": [send.conversation_id for send in sends],
            "users": [send.user_id for send in sends],
            "client_ids": [send.client_id for send in sends],
        }
        rows = (await session.execute(_KNOWN, parameters)).all()
        members = {row.place - 1: row.member for row in rows}
        stored = {
            row.place - 1: Stored(row.id, row.seq, row.msg_no, row.digest, row.created_at)
            for row in rows
            if row.id is not None
        }
        return members, stored

    async def write(self, session: AsyncSession, new: Sequence[tuple[Send, Stored]]) -> None:
        """Insert messages with their log rows, and move the conversations forward."""
        parameters = {
            "conversations": [send.conversation_id for send, _ in new],
            "seqs": [stored.seq for _, stored in new],
            "msg_nos": [stored.msg_no for _, stored in new],
            "ids": [stored.id for _, stored in new],
            "users": [send.user_id for send, _ in new],
            "usernames": [send.username for send, _ in new],
            "client_ids": [send.client_id for send, _ in new],
            "digests": [send.digest for send, _ in new],
            "texts": [send.text for send, _ in new],
            "times": [stored.created_at for _, stored in new],
        }
        await session.execute(_WRITE, parameters)

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

    async def one(self, session: AsyncSession, reader: str, conversation_id: UUID, message_id: UUID) -> Row[Any] | None:
        """A message by its id."""
        parameters = {"reader": reader, "conversation_id": conversation_id, "id": message_id}
        return (await session.execute(_ONE, parameters)).one_or_none()

    @staticmethod
    async def _range(
        session: AsyncSession, query: Any, reader: str, conversation_id: UUID, seq: int, limit: int
    ) -> Sequence[Row[Any]]:
        parameters = {"reader": reader, "conversation_id": conversation_id, "seq": seq, "limit": limit}
        return (await session.execute(query, parameters)).all()
