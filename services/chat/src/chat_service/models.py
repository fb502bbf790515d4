"""The declarative base of chat's tables, and the SQL that shows a message, which every room that reads one uses."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase

from messenger_contracts.conversations import LogEventType
from servicekit.postgres_idempotency import IdempotencyKeyColumns


class Base(DeclarativeBase):
    """Chat's tables. Times are kept to the millisecond, which is what goes over the wire."""

    type_annotation_map = {datetime: TIMESTAMP(timezone=True, precision=3), str: Text, int: BigInteger}


class IdempotencyKeyRow(IdempotencyKeyColumns, Base):
    """What was answered to requests with an `Idempotency-Key`, in whichever room."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_by_age", "at"),)


_GONE = "(x.deleted_at IS NOT NULL OR coalesce(x.expires_at <= now(), false))"
_THREAD_COUNT = """(SELECT count(*) FROM messages t
    WHERE t.conversation_id = x.conversation_id AND t.thread_root = x.id AND t.deleted_at IS NULL)"""
BLOCKED = "ARRAY(SELECT blocked FROM blocks WHERE blocker = :reader AND active)"
"""SQL: whom `:reader` blocks."""

_REACTIONS = f"""(SELECT jsonb_object_agg(r.emoji, jsonb_build_object('count', r.count, 'mine', r.mine)) FROM (
    SELECT emoji, count(*) AS count, bool_or(user_id = :reader) AS mine FROM reactions
    WHERE conversation_id = x.conversation_id AND seq = x.seq AND NOT (user_id = ANY({BLOCKED}) AND EXISTS (
        SELECT 1 FROM conversations g WHERE g.id = x.conversation_id AND g.kind = 'group'))
    GROUP BY emoji ORDER BY min(at), emoji) r)"""

MESSAGE_COLUMNS = f"""
    x.conversation_id AS message_conversation, x.id AS message_id, x.client_id, x.seq AS message_seq, x.msg_no,
    x.by AS author, x.reply_to, x.thread_root, x.created_at, x.edited_at, x.expires_at,
    CASE WHEN {_GONE} THEN coalesce(x.deleted_at, x.expires_at) END AS deleted_at,
    CASE WHEN NOT {_GONE} THEN x.text END AS text,
    CASE WHEN NOT {_GONE} THEN x.mentions END AS mentions,
    CASE WHEN NOT {_GONE} THEN x.media END AS media,
    CASE WHEN NOT {_GONE} THEN x.previews END AS previews,
    CASE WHEN x.touched THEN {_THREAD_COUNT} ELSE 0 END AS thread_count,
    CASE WHEN x.touched AND NOT {_GONE} THEN {_REACTIONS} END AS reactions
"""
"""SQL: the message `x` as `:reader` sees it now. One whose time is over shows nothing, also before it is deleted.

`touched` marks the messages that have had a reaction or a thread: the others, which are most, are not looked into.
"""

_TELLS_MINE = f"l.type IN ('{LogEventType.MESSAGE_CREATED}', '{LogEventType.MESSAGE_EDITED}')"
_TELLS_COUNTS = f"({_TELLS_MINE} OR l.type IN ('{LogEventType.REACTION_ADDED}', '{LogEventType.REACTION_REMOVED}'))"
READERS = f"""
    CASE WHEN x.seq IS NOT NULL THEN (
        SELECT array_agg(h.user_id) FROM hidden_messages h
        WHERE h.conversation_id = x.conversation_id AND h.seq = x.seq) END AS hidden_from,
    CASE WHEN x.touched AND {_TELLS_MINE} AND NOT {_GONE} THEN (
        SELECT jsonb_object_agg(r.user_id, r.emojis) FROM (
            SELECT user_id, jsonb_agg(emoji) AS emojis FROM reactions
            WHERE conversation_id = x.conversation_id AND seq = x.seq GROUP BY user_id) r) END AS given,
    CASE WHEN x.touched AND {_TELLS_COUNTS} AND c.kind = 'group' AND NOT {_GONE} THEN (
        SELECT jsonb_object_agg(r.blocker, r.counts) FROM (
            SELECT k.blocker, jsonb_object_agg(k.emoji, k.count) AS counts FROM (
                SELECT b.blocker, r.emoji, count(*) AS count FROM reactions r
                JOIN blocks b ON b.blocked = r.user_id AND b.active
                JOIN members m ON m.conversation_id = r.conversation_id AND m.user_id = b.blocker AND m.left_at IS NULL
                WHERE r.conversation_id = x.conversation_id AND r.seq = x.seq
                  AND coalesce(r.emoji = l.data ->> 'emoji', true)
                GROUP BY b.blocker, r.emoji) k
            GROUP BY k.blocker) r) END AS unseen
"""
"""SQL: who sees the event `l` about the message `x` in the conversation `c` not as everybody does.

Who deleted it for himself or herself is told nothing. Who gave reactions is told them as `mine`; a member who blocks
people of whom some are is told of fewer.
"""

HIDDEN_MESSAGE = f"""(
    x.seq < me.visible_from
    OR EXISTS (SELECT 1 FROM hidden_messages h
               WHERE h.user_id = me.user_id AND h.conversation_id = x.conversation_id AND h.seq = x.seq)
    OR c.kind = 'group' AND x.by = ANY({BLOCKED})
)"""
"""SQL: whether the message `x` of the conversation `c` is not for the eyes of the member `me`, who is `:reader`."""
