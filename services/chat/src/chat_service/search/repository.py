"""The queries of search: write the words of messages, and find those that the reader may read.

Beside its words, a message's row has a word for its conversation: so the index itself narrows a search to each of the
reader's conversations, however common the words are elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import HIDDEN_MESSAGE, MESSAGE_COLUMNS
from messenger_contracts.conversations import LogEventType
from servicekit.outbox import BELOW_RUNNING, OutboxPosition

_CHANGING = ", ".join(
    f"'{each}'" for each in (LogEventType.MESSAGE_CREATED, LogEventType.MESSAGE_EDITED, LogEventType.MESSAGE_DELETED)
)

_IN_COMMIT_ORDER = text(f"""
    SELECT xid, position, conversation_id, coalesce(target_seq, seq) AS message_seq,
           type IN ({_CHANGING}) AND audience IS NULL AS changes_words
    FROM log WHERE (xid, position) > (:xid, :position) AND {BELOW_RUNNING} ORDER BY xid, position LIMIT :limit
""")

_KEYS = "unnest(CAST(:conversations AS uuid[]), CAST(:seqs AS bigint[])) AS k (conversation_id, seq)"
_PUT = text(f"""
    INSERT INTO search_words (conversation_id, seq, at, words)
    SELECT x.conversation_id, x.seq, x.created_at,
           to_tsvector('simple', x.text) || array_to_tsvector(ARRAY['c:' || x.conversation_id])
    FROM {_KEYS} JOIN messages x ON x.conversation_id = k.conversation_id AND x.seq = k.seq
    WHERE x.deleted_at IS NULL AND x.text IS NOT NULL
    ON CONFLICT (conversation_id, seq) DO UPDATE SET words = excluded.words
""")
_REMOVE = text(f"""
    DELETE FROM search_words w USING {_KEYS} JOIN messages x ON x.conversation_id = k.conversation_id AND x.seq = k.seq
    WHERE w.conversation_id = k.conversation_id AND w.seq = k.seq AND (x.deleted_at IS NOT NULL OR x.text IS NULL)
""")

_ASKED = """(
    SELECT CASE WHEN :prefix AND right(q, 1) = '''' THEN CAST(q || ':*' AS tsquery) ELSE CAST(q AS tsquery) END
    FROM (SELECT CAST(websearch_to_tsquery('simple', :q) AS text) AS q) q
)"""
_FOUND = text(f"""
    WITH asked AS (SELECT words FROM (SELECT {_ASKED} AS words) a WHERE numnode(words) > 0), matched AS MATERIALIZED (
        SELECT w.conversation_id, w.seq, w.at FROM asked CROSS JOIN members me CROSS JOIN LATERAL (
            SELECT * FROM search_words w
            WHERE w.words @@ (asked.words && CAST(quote_literal('c:' || me.conversation_id) AS tsquery))
        ) w
        WHERE me.user_id = :reader AND me.left_at IS NULL AND w.seq >= me.visible_from
          AND (CAST(:conversation AS uuid) IS NULL OR me.conversation_id = :conversation)
          AND (CAST(:before AS timestamptz) IS NULL OR w.at < :before)
          AND (CAST(:last_at AS timestamptz) IS NULL
               OR (w.at, w.conversation_id, w.seq) < (:last_at, CAST(:last_conversation AS uuid), :last_seq))
    ), page AS (
        SELECT {MESSAGE_COLUMNS}
        FROM (SELECT * FROM matched ORDER BY at DESC, conversation_id DESC, seq DESC) w
        JOIN conversations c ON c.id = w.conversation_id
        JOIN members me ON me.conversation_id = c.id AND me.user_id = :reader
        CROSS JOIN LATERAL (
            SELECT * FROM messages x WHERE x.conversation_id = w.conversation_id AND x.seq = w.seq OFFSET 0
        ) x
        WHERE x.deleted_at IS NULL AND coalesce(x.expires_at > now(), true) AND NOT {HIDDEN_MESSAGE}
          AND (CAST(:by AS text) IS NULL OR x.by = :by)
        ORDER BY w.at DESC, w.conversation_id DESC, w.seq DESC LIMIT :limit
    )
    SELECT page.*, ts_headline('simple', page.text, asked.words, 'StartSel=«, StopSel=», MaxWords=30, MinWords=12')
               AS excerpt
    FROM page CROSS JOIN asked ORDER BY page.created_at DESC, page.message_conversation DESC, page.message_seq DESC
""")
"""Of what matched, only as much is read as the page holds: newest first, one row after the other."""


class WordRepository:
    """Follows the log, and keeps the words of messages."""

    async def in_commit_order(self, session: AsyncSession, after: OutboxPosition, limit: int) -> Sequence[Row[Any]]:
        """The log behind a position, with what of it changes a message's words."""
        return (await session.execute(_IN_COMMIT_ORDER, {**after._asdict(), "limit": limit})).all()

    async def write(self, session: AsyncSession, messages: Sequence[tuple[UUID, int]]) -> None:
        """Write the words of messages as they are now: none for those that are deleted."""
        keys = {"conversations": [c for c, _ in messages], "seqs": [seq for _, seq in messages]}
        await session.execute(_PUT, keys)
        await session.execute(_REMOVE, keys)


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

        `words` are as people write them, and whether the last may go on.
        """
        last_at, last_conversation, last_seq = after or (None, None, 0)
        parameters = {
            "reader": reader,
            "q": words[0],
            "prefix": words[1],
            "conversation": conversation,
            "by": by,
            "before": before,
            "last_at": last_at,
            "last_conversation": last_conversation,
            "last_seq": last_seq,
            "limit": limit,
        }
        return (await session.execute(_FOUND, parameters)).all()
