"""The log's queries: append, read a stretch, read in commit order for the relay."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from messenger_contracts.conversations import LogEventType
from servicekit.outbox import BELOW_RUNNING, OutboxPosition

_MESSAGE = "m.id AS message_id, m.client_id, m.msg_no, m.text, m.created_at"

_APPEND = text("""
    INSERT INTO log (conversation_id, seq, type, at, by, by_name, data)
    SELECT :conversation_id, :first_seq + n - 1, :type, :at, :by, :by_name, data
    FROM unnest(CAST(:data AS jsonb[])) WITH ORDINALITY AS new (data, n)
""")

_STRETCHES = text(f"""
    SELECT c.id AS conversation_id, c.epoch, l.seq, l.type, l.at, l.by, l.data, {_MESSAGE}
    FROM unnest(CAST(:ids AS uuid[]), CAST(:afters AS bigint[])) AS wanted (id, after)
    JOIN conversations c ON c.id = wanted.id
    CROSS JOIN LATERAL (
        SELECT * FROM log WHERE log.conversation_id = c.id AND log.seq > wanted.after ORDER BY log.seq LIMIT :limit
    ) l
    LEFT JOIN messages m ON m.conversation_id = l.conversation_id AND m.seq = l.seq
    ORDER BY c.id, l.seq
""")  # noqa: S608 - constants alone

_IN_COMMIT_ORDER = text(f"""
    SELECT l.conversation_id, l.seq, l.type, l.at, l.by, l.by_name, l.data, l.xid, l.position, {_MESSAGE},
           ARRAY(SELECT user_id FROM members
                 WHERE members.conversation_id = l.conversation_id AND left_at IS NULL AND user_id <> l.by
                 ORDER BY user_id) AS others
    FROM (
        SELECT * FROM log WHERE (xid, position) > (:xid, :position) AND {BELOW_RUNNING}
        ORDER BY xid, position LIMIT :limit
    ) l
    LEFT JOIN messages m ON m.conversation_id = l.conversation_id AND m.seq = l.seq
    ORDER BY l.xid, l.position
""")  # noqa: S608 - constants alone


class LogRepository:
    """Reads and writes the log."""

    async def append(
        self,
        session: AsyncSession,
        conversation_id: UUID,
        first_seq: int,
        event_type: LogEventType,
        at: datetime,
        by: tuple[str, str],
        data: Sequence[Mapping[str, Any]],
    ) -> None:
        """Append events of one type from `first_seq` on. The caller holds the conversation's row lock, or made it.

        `by` is the actor's id and username.
        """
        parameters = {
            "conversation_id": conversation_id,
            "first_seq": first_seq,
            "type": event_type.value,
            "at": at,
            "by": by[0],
            "by_name": by[1],
            "data": [orjson.dumps(item).decode() for item in data],
        }
        await session.execute(_APPEND, parameters)

    async def stretches(self, session: AsyncSession, after: Mapping[UUID, int], limit: int) -> Sequence[Row[Any]]:
        """The events behind a position in each conversation, oldest first, at most `limit` of each."""
        parameters = {"ids": list(after.keys()), "afters": list(after.values()), "limit": limit}
        return (await session.execute(_STRETCHES, parameters)).all()

    async def in_commit_order(
        self, connection: AsyncConnection, after: OutboxPosition, limit: int
    ) -> Sequence[Row[Any]]:
        """The events that no relay has passed yet, each with the other members of its conversation."""
        return (await connection.execute(_IN_COMMIT_ORDER, {**after._asdict(), "limit": limit})).all()
