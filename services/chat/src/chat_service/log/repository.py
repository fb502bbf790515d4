"""The log's queries: lock and append, and read a stretch, for one reader or for our own processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import BLOCKED, HIDDEN_MESSAGE, MESSAGE_COLUMNS, READERS
from messenger_contracts.conversations import LogEventType

_LOCK = text("""
    SELECT id, kind, title, avatar, avatar_by, history, epoch, last_seq, last_msg_no, member_count, closed_by, version
    FROM conversations WHERE id = :id AND deleted_at IS NULL FOR NO KEY UPDATE
""")

_APPEND = text("""
    INSERT INTO log (conversation_id, seq, type, at, by, by_name, data, target_seq, audience)
    SELECT :conversation_id, :first_seq + n - 1, :type, :at, :by, :by_name, data, :target_seq, :audience
    FROM unnest(CAST(:data AS jsonb[])) WITH ORDINALITY AS new (data, n)
""")

_MOVE = text("""
    UPDATE conversations SET last_seq = :last_seq, last_xid = (pg_current_xact_id()::text)::bigint,
                             active_at = coalesce(CAST(:at AS timestamptz), active_at)
    WHERE id = :id
""")

_REACTS = f"l.type IN ('{LogEventType.REACTION_ADDED}', '{LogEventType.REACTION_REMOVED}')"
"""SQL: the event is one person's alone; what else is done with a message, by whomever, is the message's."""
_ENTRY = "l.seq, l.type, l.at, l.by, l.data, l.audience"

_WANTED = "unnest(CAST(:ids AS uuid[]), CAST(:afters AS bigint[])) AS wanted (id, after)"
_WANTED_BY = (
    "unnest(CAST(:readers AS text[]), CAST(:ids AS uuid[]), CAST(:afters AS bigint[])) AS wanted (reader, id, after)"
)


def _as_seen(wanted: str, reader: str) -> str:
    """The stretches that are `wanted`, as `reader` sees them: SQL for a relation, and for a person."""
    seen = f"""
        SELECT c.id AS conversation_id, c.epoch, {_ENTRY}, {MESSAGE_COLUMNS}, me.user_id AS reader,
               CASE WHEN l.audience IS NOT NULL THEN l.audience <> :reader
                    WHEN x.seq IS NULL THEN false
                    ELSE {HIDDEN_MESSAGE} OR (c.kind = 'group' AND {_REACTS} AND l.by = ANY({BLOCKED})) END AS hidden
        FROM <wanted>
        JOIN conversations c ON c.id = wanted.id
        JOIN members me ON me.conversation_id = c.id AND me.user_id = :reader AND me.left_at IS NULL
        CROSS JOIN LATERAL (
            SELECT * FROM log WHERE log.conversation_id = c.id AND log.seq > greatest(wanted.after, me.visible_from - 1)
            ORDER BY log.seq LIMIT :limit
        ) l
        LEFT JOIN messages x ON x.conversation_id = l.conversation_id AND x.seq = coalesce(l.target_seq, l.seq)
        ORDER BY me.user_id, c.id, l.seq
    """
    return seen.replace(":reader", reader).replace("<wanted>", wanted)


_READER = text(_as_seen(_WANTED, ":reader"))
_READERS = text(_as_seen(_WANTED_BY, "wanted.reader"))

_RAW = text(f"""
    SELECT c.id AS conversation_id, c.epoch, {_ENTRY}, {MESSAGE_COLUMNS}, {READERS}
    FROM unnest(CAST(:ids AS uuid[]), CAST(:afters AS bigint[])) AS wanted (id, after)
    JOIN conversations c ON c.id = wanted.id
    CROSS JOIN LATERAL (
        SELECT * FROM log WHERE log.conversation_id = c.id AND log.seq > wanted.after ORDER BY log.seq LIMIT :limit
    ) l
    LEFT JOIN messages x ON x.conversation_id = l.conversation_id AND x.seq = coalesce(l.target_seq, l.seq)
    ORDER BY c.id, l.seq
""")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written of an event; `by` is the actor's id and username."""

    type: LogEventType
    by: tuple[str, str]
    target_seq: int | None = None
    audience: str | None = None


class LogRepository:
    """Reads and writes the log."""

    async def lock(self, session: AsyncSession, conversation_id: UUID) -> Row[Any] | None:
        """Lock a conversation until the transaction ends; None if there is none."""
        return (await session.execute(_LOCK, {"id": conversation_id})).one_or_none()

    async def append(
        self,
        session: AsyncSession,
        conversation_id: UUID,
        first_seq: int,
        at: datetime,
        entry: Entry,
        data: Sequence[Mapping[str, Any] | None],
    ) -> None:
        """Append events of one kind from `first_seq` on. The caller holds the conversation's lock, or made it."""
        parameters = {
            "conversation_id": conversation_id,
            "first_seq": first_seq,
            "type": entry.type.value,
            "at": at,
            "by": entry.by[0],
            "by_name": entry.by[1],
            "target_seq": entry.target_seq,
            "audience": entry.audience,
            "data": [item and orjson.dumps(item).decode() for item in data],
        }
        await session.execute(_APPEND, parameters)

    async def move(
        self, session: AsyncSession, conversation_id: UUID, last_seq: int, active_at: datetime | None
    ) -> None:
        """Move a locked conversation's position to its last event. None: nothing that counts as activity."""
        await session.execute(_MOVE, {"id": conversation_id, "last_seq": last_seq, "at": active_at})

    async def for_reader(
        self, session: AsyncSession, reader: str, after: Mapping[UUID, int], limit: int
    ) -> Sequence[Row[Any]]:
        """The rows behind positions in conversations that the reader is in, at most `limit` of each."""
        return await self._read(session, _READER, reader, after, limit)

    async def for_readers(
        self, session: AsyncSession, after: Mapping[tuple[str, UUID], int], limit: int
    ) -> Sequence[Row[Any]]:
        """The rows behind positions of many readers, in the order of reader, conversation and `seq`."""
        parameters = {
            "readers": [reader for reader, _ in after],
            "ids": [conversation for _, conversation in after],
            "afters": list(after.values()),
            "limit": limit,
        }
        return (await session.execute(_READERS, parameters)).all()

    async def raw(self, session: AsyncSession, after: Mapping[UUID, int], limit: int) -> Sequence[Row[Any]]:
        """The rows behind positions, whoever may see them, at most `limit` of each conversation."""
        return await self._read(session, _RAW, "", after, limit)

    @staticmethod
    async def _read(
        session: AsyncSession, query: Any, reader: str, after: Mapping[UUID, int], limit: int
    ) -> Sequence[Row[Any]]:
        parameters = {
            "reader": reader,
            "ids": list(after.keys()),
            "afters": list(after.values()),
            "limit": limit,
        }
        return (await session.execute(query, parameters)).all()
