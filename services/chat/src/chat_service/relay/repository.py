"""The relay's query: the log in commit order, with whom to tell of a message."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_service.models import MESSAGE_COLUMNS
from servicekit.outbox import BELOW_RUNNING, OutboxPosition

_IN_COMMIT_ORDER = text(f"""
    SELECT l.conversation_id, c.epoch, l.seq, l.type, l.at, l.by,
           l.by_name, l.data, l.audience, l.xid, l.position, {MESSAGE_COLUMNS}, told.recipients, told.muted
    FROM (
        SELECT * FROM log WHERE (xid, position) > (:xid, :position) AND {BELOW_RUNNING} AND audience IS NULL
        ORDER BY xid, position LIMIT :limit
    ) l
    JOIN conversations c ON c.id = l.conversation_id
    LEFT JOIN messages x ON x.conversation_id = l.conversation_id AND x.seq = coalesce(l.target_seq, l.seq)
    LEFT JOIN LATERAL (
        SELECT coalesce(array_agg(m.user_id ORDER BY m.user_id), '{{}}') AS recipients,
               coalesce(array_agg(m.user_id ORDER BY m.user_id) FILTER (WHERE m.muted_until > now()), '{{}}') AS muted
        FROM members m WHERE m.conversation_id = l.conversation_id AND m.left_at IS NULL AND m.user_id <> l.by
         AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.blocker = m.user_id AND b.blocked = l.by AND b.active)
         AND (c.member_count <= :notify_all OR m.user_id = ANY(
             coalesce(x.mentions, '{{}}') || ARRAY(SELECT r.by FROM messages r WHERE r.id = x.reply_to)))
    ) told ON l.target_seq IS NULL AND x.seq IS NOT NULL
    ORDER BY l.xid, l.position
""")


class RelayRepository:
    """Reads the log for the relay."""

    def __init__(self, notify_all: int) -> None:
        self._notify_all = notify_all

    async def in_commit_order(
        self, connection: AsyncConnection, after: OutboxPosition, limit: int
    ) -> Sequence[Row[Any]]:
        """The events that no relay has passed yet, but those that are for one person's eyes."""
        parameters = {**after._asdict(), "limit": limit, "notify_all": self._notify_all, "reader": ""}
        return (await connection.execute(_IN_COMMIT_ORDER, parameters)).all()
