"""The queries of exports. Each gives a stretch of one kind in the order of conversation and `seq`, as JSON."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.exports.domain import Place

_BEHIND = "> (CAST(:conversation_id AS uuid), CAST(:seq AS bigint))"
_NOWHERE = "CAST('00000000-0000-0000-0000-000000000000' AS uuid)"
"""SQL: the conversation of what hangs on none. There is one row of each such kind."""

_KINDS = {
    "conversations": f"""
        SELECT m.conversation_id, 0 AS seq, jsonb_build_object(
            'id', c.id, 'kind', c.kind, 'title', c.title, 'role', m.role, 'joined_at', m.joined_at,
            'left_at', m.left_at, 'read_seq', m.read_seq, 'muted_until', m.muted_until, 'pinned_at', m.pinned_at,
            'archived_at', m.archived_at, 'draft', m.draft,
            'with', CASE WHEN c.kind = 'direct' THEN (
                SELECT jsonb_agg(o.username) FROM members o WHERE o.conversation_id = c.id AND o.user_id <> m.user_id
            ) END) AS data
        FROM members m JOIN conversations c ON c.id = m.conversation_id
        WHERE m.user_id = :user_id AND (m.conversation_id, 0) {_BEHIND}
        ORDER BY m.conversation_id LIMIT :limit
    """,
    "messages": f"""
        SELECT x.conversation_id, x.seq, jsonb_build_object(
            'id', x.id, 'conversation_id', x.conversation_id, 'seq', x.seq, 'text', x.text, 'media', x.media,
            'mentions', x.mentions, 'reply_to', x.reply_to, 'thread_root', x.thread_root, 'created_at', x.created_at,
            'edited_at', x.edited_at, 'deleted_at', x.deleted_at, 'expires_at', x.expires_at,
            'edits', (SELECT jsonb_agg(jsonb_build_object('text', e.text, 'until', e.until) ORDER BY e.version)
                      FROM edits e WHERE e.conversation_id = x.conversation_id AND e.seq = x.seq)) AS data
        FROM members m CROSS JOIN LATERAL (
            SELECT * FROM messages x
            WHERE x.conversation_id = m.conversation_id AND x.by COLLATE "C" = m.user_id
              AND (x.conversation_id, x.seq) {_BEHIND}
            ORDER BY x.seq LIMIT :limit
        ) x
        WHERE m.user_id = :user_id AND m.conversation_id >= CAST(:conversation_id AS uuid)
        ORDER BY x.conversation_id, x.seq LIMIT :limit
    """,
    "reactions": f"""
        SELECT conversation_id, seq, jsonb_build_object('conversation_id', conversation_id, 'message_seq', seq,
            'emojis', jsonb_agg(emoji ORDER BY emoji), 'at', max(at)) AS data
        FROM reactions WHERE user_id = :user_id AND (conversation_id, seq) {_BEHIND}
        GROUP BY conversation_id, seq ORDER BY conversation_id, seq LIMIT :limit
    """,
    "scheduled_messages": f"""
        SELECT conversation_id, 0 AS seq, jsonb_build_object('conversation_id', conversation_id, 'messages',
            jsonb_agg(jsonb_build_object('client_id', client_id, 'body', body, 'send_at', send_at))) AS data
        FROM scheduled_messages WHERE by = :user_id AND (conversation_id, 0) {_BEHIND}
        GROUP BY conversation_id ORDER BY conversation_id LIMIT :limit
    """,
    "invites": f"""
        SELECT conversation_id, 0 AS seq, jsonb_build_object('conversation_id', conversation_id, 'invites',
            jsonb_agg(jsonb_build_object('created_at', created_at, 'expires_at', expires_at, 'uses', uses))) AS data
        FROM invites WHERE created_by = :user_id AND (conversation_id, 0) {_BEHIND}
        GROUP BY conversation_id ORDER BY conversation_id LIMIT :limit
    """,
    "blocks": f"""
        SELECT {_NOWHERE} AS conversation_id, 0 AS seq, jsonb_build_object('blocked', jsonb_agg(blocked)) AS data
        FROM blocks WHERE blocker = :user_id AND active AND ({_NOWHERE}, 0) {_BEHIND} HAVING count(*) > 0
    """,
    "reports": f"""
        SELECT {_NOWHERE} AS conversation_id, 0 AS seq, jsonb_build_object('reports', jsonb_agg(jsonb_build_object(
            'message_id', message_id, 'reason', reason, 'detail', detail, 'status', status, 'created_at', created_at
            ))) AS data
        FROM reports WHERE reporter = :user_id AND ({_NOWHERE}, 0) {_BEHIND} HAVING count(*) > 0
    """,
}
KINDS = tuple(_KINDS)
_QUERIES = tuple(text(query) for query in _KINDS.values())


class ExportRepository:
    """Reads what is kept of a person."""

    async def stretch(self, session: AsyncSession, user_id: str, place: Place, limit: int) -> Sequence[Row[Any]]:
        """Rows of the place's kind behind it: `conversation_id`, `seq`, `data`."""
        parameters = {
            "user_id": user_id,
            "conversation_id": place.conversation_id,
            "seq": place.seq,
            "limit": limit,
        }
        query = _QUERIES[place.kind]
        names = {name: value for name, value in parameters.items() if f":{name}" in query.text}
        return (await session.execute(query, names)).all()
