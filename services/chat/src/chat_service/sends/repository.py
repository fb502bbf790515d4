"""The queries of sending: three statements for a whole group, however many sends it holds.

The write goes to `messages`, `log` and `conversations` in one statement: they are one fact. Groups in which somebody
replies, mentions or begins a thread take a statement more for each of these.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.sends.domain import Head, Known, Send, Stored
from messenger_contracts.conversations import LogEventType

_LOCK = text("""
    SELECT id, epoch, last_seq, last_msg_no, closed_by FROM conversations
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
            CAST(:digests AS bytea[]), CAST(:texts AS text[]), CAST(:times AS timestamptz[]), CAST(:extras AS jsonb[])
        ) AS new (conversation_id, seq, msg_no, id, by, by_name, client_id, digest, text, created_at, extra)
    ), message AS (
        INSERT INTO messages (conversation_id, seq, msg_no, id, by, client_id, digest, text, created_at,
                              reply_to, thread_root, mentions, media, expires_at)
        SELECT conversation_id, seq, msg_no, id, by, client_id, digest, text, created_at,
               CAST(extra ->> 'reply_to' AS uuid), CAST(extra ->> 'thread_root' AS uuid),
               CASE WHEN extra IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(extra -> 'mentions')) END,
               extra -> 'media', CAST(extra ->> 'expires_at' AS timestamptz) FROM new
    ), entry AS (
        INSERT INTO log (conversation_id, seq, type, at, by, by_name)
        SELECT conversation_id, seq, '{LogEventType.MESSAGE_CREATED}', created_at, by, by_name FROM new
    )
    UPDATE conversations c SET last_seq = head.seq, last_msg_no = head.msg_no, active_at = head.at,
           last_xid = (pg_current_xact_id()::text)::bigint
    FROM (SELECT conversation_id, max(seq) AS seq, max(msg_no) AS msg_no, max(created_at) AS at
          FROM new GROUP BY conversation_id) head
    WHERE c.id = head.conversation_id
""")

_REFERENCES = text("""
    SELECT s.place, x.id, x.thread_root IS NULL AS may_begin
    FROM unnest(CAST(:places AS int[]), CAST(:conversations AS uuid[]), CAST(:users AS text[]), CAST(:ids AS uuid[]))
         AS s (place, conversation_id, user_id, id)
    JOIN members m ON m.conversation_id = s.conversation_id AND m.user_id = s.user_id
    JOIN messages x ON x.id = s.id AND x.conversation_id = s.conversation_id AND x.seq >= m.visible_from
     AND x.deleted_at IS NULL
""")
_MENTIONABLE = text("""
    SELECT s.place, m.user_id
    FROM unnest(CAST(:places AS int[]), CAST(:conversations AS uuid[]), CAST(:users AS text[]))
         AS s (place, conversation_id, user_id)
    JOIN members m ON m.conversation_id = s.conversation_id AND m.user_id = s.user_id AND m.left_at IS NULL
""")
_MENTION = text("""
    INSERT INTO mentions (user_id, conversation_id, seq)
    SELECT * FROM unnest(CAST(:users AS text[]), CAST(:conversations AS uuid[]), CAST(:seqs AS bigint[]))
""")
_TOUCH = text("UPDATE messages SET touched = true WHERE id = ANY(CAST(:ids AS uuid[])) AND NOT touched")


class SendRepository:
    """Reads what sends need to know, and writes them."""

    async def lock(self, session: AsyncSession, sends: Sequence[Send]) -> dict[UUID, Head]:
        """Lock the conversations of a group, in the order of their ids, until the transaction ends."""
        rows = await session.execute(_LOCK, {"ids": sorted({send.conversation_id for send in sends})})
        return {row.id: Head(row.epoch, row.last_seq, row.last_msg_no, row.closed_by) for row in rows}

    async def known(self, session: AsyncSession, sends: Sequence[Send]) -> Known:
        """What the sends need to know. Only true while the lock is held."""
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
        if not any(send.extras for send in sends):
            return Known(members, stored)
        return Known(members, stored, await self._references(session, sends), await self._mentionable(session, sends))

    @staticmethod
    async def _references(session: AsyncSession, sends: Sequence[Send]) -> dict[tuple[int, UUID], bool]:
        wanted = [(n, s, each) for n, s in enumerate(sends) if s.extras for each in s.extras.references]
        if not wanted:
            return {}
        parameters = {
            "places": [place for place, _, _ in wanted],
            "conversations": [send.conversation_id for _, send, _ in wanted],
            "users": [send.user_id for _, send, _ in wanted],
            "ids": [each for _, _, each in wanted],
        }
        return {(row.place, row.id): row.may_begin for row in await session.execute(_REFERENCES, parameters)}

    @staticmethod
    async def _mentionable(session: AsyncSession, sends: Sequence[Send]) -> set[tuple[int, str]]:
        wanted = [(n, s, each) for n, s in enumerate(sends) if s.extras for each in s.extras.mentions]
        if not wanted:
            return set()
        parameters = {
            "places": [place for place, _, _ in wanted],
            "conversations": [send.conversation_id for _, send, _ in wanted],
            "users": [each for _, _, each in wanted],
        }
        return {(row.place, row.user_id) for row in await session.execute(_MENTIONABLE, parameters)}

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
            "extras": [_extra(send, stored) for send, stored in new],
        }
        await session.execute(_WRITE, parameters)
        await self._write_extras(session, new)

    @staticmethod
    async def _write_extras(session: AsyncSession, new: Sequence[tuple[Send, Stored]]) -> None:
        rich = [(send, stored, send.extras) for send, stored in new if send.extras]
        mentions = [(user, send, stored) for send, stored, extras in rich for user in extras.mentions]
        if mentions:
            parameters: dict[str, Any] = {
                "users": [user for user, _, _ in mentions],
                "conversations": [send.conversation_id for _, send, _ in mentions],
                "seqs": [stored.seq for _, _, stored in mentions],
            }
            await session.execute(_MENTION, parameters)
        if roots := {extras.thread_root for _, _, extras in rich if extras.thread_root}:
            await session.execute(_TOUCH, {"ids": list(roots)})


def _extra(send: Send, stored: Stored) -> str | None:
    return orjson.dumps(send.extras.shown(stored.created_at)).decode() if send.extras else None
