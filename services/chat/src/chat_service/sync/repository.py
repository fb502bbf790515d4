"""The queries of sync. Each is scoped to its reader, and sees what a snapshot of an earlier answer did not."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.sync.domain import Place, oldest_running


def _seen(xid: str, snapshot: str) -> str:
    """SQL: what a transaction did is visible in a snapshot, given as text."""
    return f"pg_visible_in_snapshot({xid}::text::xid8, CAST(CAST({snapshot} AS text) AS pg_snapshot))"


def _unseen(xid: str, snapshot: str = ":since") -> str:
    """SQL: what a transaction did is not visible in a snapshot; the comparison of numbers spares most the look."""
    return f"({xid} >= :floor AND NOT {_seen(xid, snapshot)})"


_NOW = text("""
    SELECT pg_current_snapshot()::text AS snapshot,
           coalesce((SELECT id || '.' || trunc(extract(epoch FROM at) * 1000) FROM restores
                     ORDER BY id DESC LIMIT 1), '') AS restored
""")

_NEWEST = "l.conversation_id = c.id AND l.seq >= c.last_seq - :limit"
_RESET = f"""(
    c.kind = 'group' AND EXISTS (
        SELECT 1 FROM members o WHERE o.conversation_id = c.id AND o.user_id = ANY(ARRAY(
            SELECT blocked FROM blocks WHERE blocker = :reader AND {_unseen("xid")})))
    OR me.changed_xid >= :floor AND EXISTS (
        SELECT 1 FROM log l WHERE {_NEWEST} AND l.type = 'member.joined' AND l.data ->> 'user_id' = :reader
        AND {_unseen("l.xid")})
)"""
"""SQL: what the reader may see of older places is not what it was."""
_FRESH = f"""(CASE WHEN CAST(:since AS text) IS NULL OR reset THEN c.last_seq
    ELSE (SELECT count(*) FROM log l WHERE {_NEWEST} AND {_unseen("l.xid")}) END)"""

_EMPTY = """(
    c.kind = 'direct' AND me.visible_from > 1
    AND NOT EXISTS (SELECT 1 FROM messages x WHERE x.conversation_id = c.id AND x.seq >= me.visible_from)
)"""
"""SQL: a conversation that the member has cleared, and in which nothing was said since."""

_CHANGED = text(f"""
    SELECT c.*, {_FRESH} AS fresh FROM (
        SELECT * FROM (
            SELECT c.id, c.epoch, c.last_seq, me.visible_from,
                   CASE WHEN {_seen("c.last_xid", ":begun")} THEN c.active_at ELSE (
                       SELECT l.at FROM log l
                       WHERE l.conversation_id = c.id AND l.audience IS NULL AND {_seen("l.xid", ":begun")}
                       ORDER BY l.seq DESC LIMIT 1) END AS at,
                   me.left_at IS NOT NULL AS gone, {_EMPTY} AS empty,
                   CAST(:since AS text) IS NOT NULL AND me.left_at IS NULL AND {_RESET} AS reset,
                   {_unseen("me.changed_xid")} AS kept_changed,
                   {_unseen("c.last_xid")} AND me.left_at IS NULL AS log_changed
            FROM members me JOIN conversations c ON c.id = me.conversation_id
            WHERE me.user_id = :reader
        ) c
        WHERE CASE WHEN CAST(:since AS text) IS NULL THEN NOT gone AND NOT empty
                   ELSE kept_changed OR log_changed OR reset END
          AND (CAST(:cut_at AS timestamptz) IS NULL OR (at, id) < (:cut_at, CAST(:cut_id AS uuid))) AND at IS NOT NULL
        ORDER BY at DESC, id DESC LIMIT :most
    ) c ORDER BY at DESC, id DESC
""")

_OF_EACH = {":since": "w.since", ":floor": "w.floor", ":limit": "w.most", ":reader": "w.reader"}


def _of_each(query: str) -> str:
    """SQL for one reader, made into that for each of the relation `w`."""
    for parameter, column in _OF_EACH.items():
        query = query.replace(parameter, column)
    return query


_POSITIONS = text(f"""
    SELECT w.place, c.id, c.last_seq, CASE WHEN log_changed OR reset THEN {_of_each(_FRESH)} ELSE 0 END AS fresh
    FROM unnest(CAST(:readers AS text[]), CAST(:sinces AS text[]), CAST(:floors AS bigint[]), CAST(:limits AS bigint[]))
         WITH ORDINALITY AS w (reader, since, floor, most, place)
    CROSS JOIN LATERAL (
        SELECT c.id, c.last_seq, {_of_each(_unseen("c.last_xid"))} AS log_changed,
               me.left_at IS NULL AND {_of_each(_RESET)} AS reset
        FROM members me JOIN conversations c ON c.id = me.conversation_id
        WHERE me.user_id = w.reader AND (me.left_at IS NULL OR {_of_each(_unseen("me.changed_xid"))})
    ) c
""")

_PLAN_ANEW = text("SET LOCAL plan_cache_mode = 'force_custom_plan'")
"""A plan that is kept does not know that what is looked for is the end of the log."""
_AWAITED = text(f"""
    WITH w AS (
        SELECT * FROM unnest(CAST(:readers AS text[]), CAST(:snapshots AS text[])) WITH ORDINALITY
            AS w (reader, snapshot, place)
    ), told AS (
        SELECT w.place FROM log l JOIN members me ON me.conversation_id = l.conversation_id AND me.left_at IS NULL
        JOIN w ON w.reader = me.user_id WHERE {_unseen("l.xid", "w.snapshot")}
        UNION SELECT w.place FROM w JOIN members me ON me.user_id = w.reader
        WHERE {_unseen("me.changed_xid", "w.snapshot")}
        UNION SELECT w.place FROM w JOIN blocks b ON b.blocker = w.reader WHERE {_unseen("b.xid", "w.snapshot")}
    )
    SELECT pg_current_snapshot()::text AS snapshot, ARRAY(SELECT place FROM told) AS told
""")


class SyncRepository:
    """Reads what changed."""

    async def now(self, session: AsyncSession) -> Row[Any]:
        """The snapshot that this session sees, and which restore from a backup was the last."""
        return (await session.execute(_NOW)).one()

    async def changed(
        self, session: AsyncSession, reader: str, place: Place, begun: str, limit: int, most: int
    ) -> Sequence[Row[Any]]:
        """The reader's conversations that changed, or were left, in the order of their activity when `begun` was.

        `fresh` counts what is new among the newest `limit` + 1 events; all are, where the client knows nothing.
        """
        at, last_id = place.cut or (None, None)
        parameters = {"begun": begun, "cut_at": at, "cut_id": last_id, "most": most}
        since = {"reader": reader, "since": place.since, "floor": place.floor, "limit": limit}
        return (await session.execute(_CHANGED, {**since, **parameters})).all()

    async def positions(self, session: AsyncSession, asked: Sequence[tuple[str, Place, int]]) -> Sequence[Row[Any]]:
        """What is new, as `changed` counts it, in each conversation of those who ask, or that they left since.

        Each asks with a limit; `place` counts them from 1.
        """
        parameters = {
            "readers": [reader for reader, _, _ in asked],
            "sinces": [place.since for _, place, _ in asked],
            "floors": [place.floor for _, place, _ in asked],
            "limits": [limit for _, _, limit in asked],
        }
        return (await session.execute(_POSITIONS, parameters)).all()

    async def awaited(
        self, session: AsyncSession, waiting: Sequence[tuple[str, str]], floor: int
    ) -> tuple[int, set[int]]:
        """Which of those who wait, each with the snapshot that was seen, have something new, by their places.

        Looks at transactions from `floor` on, and gives the `floor` of the next look.
        """
        parameters = {
            "readers": [reader for reader, _ in waiting],
            "snapshots": [snapshot for _, snapshot in waiting],
            "floor": floor,
        }
        await session.execute(_PLAN_ANEW)
        row = (await session.execute(_AWAITED, parameters)).one()
        return oldest_running(row.snapshot), {place - 1 for place in row.told}
