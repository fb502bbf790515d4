"""The queries of search: write the words of messages, and find those that the reader may read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import HIDDEN_MESSAGE, MESSAGE_COLUMNS
from messenger_contracts.conversations import LogEventType
from servicekit.outbox import BELOW_RUNNING, OutboxPosition

_TAKING_AWAY = f"'{LogEventType.MESSAGE_EDITED}', '{LogEventType.MESSAGE_DELETED}'"
_CHANGING = f"'{LogEventType.MESSAGE_CREATED}', {_TAKING_AWAY}"

_IN_COMMIT_ORDER = text(f"""
    SELECT xid, position, conversation_id, coalesce(target_seq, seq) AS message_seq,
           type IN ({_CHANGING}) AND audience IS NULL AS changes_words, type IN ({_TAKING_AWAY}) AS takes_away
    FROM log WHERE (xid, position) > (:xid, :position) AND {BELOW_RUNNING} ORDER BY xid, position LIMIT :limit
""")

_KEYS = "unnest(CAST(:conversations AS uuid[]), CAST(:seqs AS bigint[])) AS k (conversation_id, seq)"
_PUT = text(f"""
    INSERT INTO search_words (conversation_id, seq, at, words)
    SELECT x.conversation_id, x.seq, x.created_at, to_tsvector('simple', normalize(x.text))
    FROM {_KEYS} JOIN messages x ON x.conversation_id = k.conversation_id AND x.seq = k.seq
    WHERE x.deleted_at IS NULL AND x.text IS NOT NULL
    ON CONFLICT (conversation_id, seq) DO UPDATE SET words = excluded.words
""")
_REMOVE = text(f"""
    DELETE FROM search_words w USING {_KEYS} JOIN messages x ON x.conversation_id = k.conversation_id AND x.seq = k.seq
    WHERE w.conversation_id = k.conversation_id AND w.seq = k.seq AND (x.deleted_at IS NOT NULL OR x.text IS NULL)
""")

_PLAN_FOR_THESE_WORDS = text("SET LOCAL plan_cache_mode = 'force_custom_plan'")
"""How to go about a search depends on how common its words are."""
_ASKED = text("""
    SELECT CASE WHEN :prefix AND right(q, 1) = '''' THEN q || ':*' ELSE q END
    FROM (SELECT CAST(websearch_to_tsquery('simple', normalize(CAST(:q AS text))) AS text) AS q) q
""")
_FOUND = text(f"""
    WITH matched AS MATERIALIZED (
        SELECT w.conversation_id, w.seq, w.at
        FROM members me JOIN search_words w ON w.conversation_id = me.conversation_id
        WHERE me.user_id = :reader AND me.left_at IS NULL AND w.seq >= me.visible_from
          AND w.words @@ CAST(:words AS tsquery)
          AND (CAST(:conversation AS uuid) IS NULL OR me.conversation_id = :conversation)
          AND (CAST(:before AS timestamptz) IS NULL OR w.at < :before)
          AND (CAST(:last_at AS timestamptz) IS NULL
               OR (w.at, w.conversation_id, w.seq) < (:last_at, CAST(:last_conversation AS uuid), :last_seq))
    ), page AS (
        SELECT found.* FROM (SELECT * FROM matched ORDER BY at DESC, conversation_id DESC, seq DESC OFFSET 0) w
        CROSS JOIN LATERAL (
            SELECT {MESSAGE_COLUMNS}
            FROM messages x JOIN conversations c ON c.id = x.conversation_id
            JOIN members me ON me.conversation_id = c.id AND me.user_id = :reader
            WHERE x.conversation_id = w.conversation_id AND x.seq = w.seq
              AND x.deleted_at IS NULL AND coalesce(x.expires_at > now(), true) AND NOT {HIDDEN_MESSAGE}
              AND (CAST(:by AS text) IS NULL OR x.by = :by)
            OFFSET 0
        ) found
        ORDER BY w.at DESC, w.conversation_id DESC, w.seq DESC LIMIT :limit
    )
    SELECT page.*, ts_headline(
        'simple', normalize(text), CAST(:words AS tsquery), 'StartSel=«, StopSel=», MaxWords=30, MinWords=12'
    ) AS excerpt
    FROM page ORDER BY created_at DESC, message_conversation DESC, message_seq DESC
""")
"""Of what matched, no more messages are read than the page holds: newest first, one after the other."""


class WordRepository:
    """Follows the log, and keeps the words of messages."""

    async def in_commit_order(self, session: AsyncSession, after: OutboxPosition, limit: int) -> Sequence[Row[Any]]:
        """The log behind a position, with what of it changes a message's words."""
        return (await session.execute(_IN_COMMIT_ORDER, {**after._asdict(), "limit": limit})).all()

    async def put(self, session: AsyncSession, messages: Sequence[tuple[UUID, int]]) -> None:
        """Write the words of messages as they are now: nothing for those that are deleted."""
        await session.execute(_PUT, _keys(messages))

    async def remove(self, session: AsyncSession, messages: Sequence[tuple[UUID, int]]) -> None:
        """Remove the words of those of some messages that have none now."""
        await session.execute(_REMOVE, _keys(messages))


def _keys(messages: Sequence[tuple[UUID, int]]) -> dict[str, Any]:
    return {"conversations": [c for c, _ in messages], "seqs": [seq for _, seq in messages]}


class SearchRepository:
    """Finds messages."""

    async def found(
        self,
        session: AsyncSession,
        reader: str,
        words: tuple[str, bool],
        *,
        conversation: UUID | None,
        by: str | None,
        before: datetime | None,
        after: tuple[datetime, UUID, int] | None,
        limit: int,
    ) -> Sequence[Row[Any]]:
        """Messages with the words, newest first, each with an `excerpt`.

        `words` are as people write them, and whether the last may go on. Words that are none find nothing.
        """
        asked = await session.scalar(_ASKED, {"q": words[0], "prefix": words[1]})
        if not asked:
            return []
        await session.execute(_PLAN_FOR_THESE_WORDS)
        last_at, last_conversation, last_seq = after or (None, None, 0)
        parameters = {
            "reader": reader,
            "words": asked,
            "conversation": conversation,
            "by": by,
            "before": before,
            "last_at": last_at,
            "last_conversation": last_conversation,
            "last_seq": last_seq,
            "limit": limit,
        }
        return (await session.execute(_FOUND, parameters)).all()
