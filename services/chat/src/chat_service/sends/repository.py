"""The queries of sending: three statements for a whole group, however many sends it holds.

They speak to asyncpg itself, and hand ids and numbers over as text: of an array's elements that are neither text nor
bytes asyncpg asks each whether it is an array too, which cost as much as all the rest. The write goes to `messages`,
`log` and `conversations` in one statement: they are one fact. Groups in which somebody replies, mentions or begins a
thread take a statement more for each of these.
"""

from collections.abc import Sequence
from datetime import datetime

import orjson

from chat_service.sends.domain import Head, Known, Send, Stored
from messenger_contracts.conversations import LogEventType
from servicekit.postgres import DriverConnection

_LOCK = """
    SELECT id::text, epoch, last_seq, last_msg_no, closed_by FROM conversations
    WHERE id = ANY($1::text[]::uuid[]) ORDER BY conversations.id FOR NO KEY UPDATE
"""

_KNOWN = """
    SELECT s.place, x.id::text, x.seq, x.msg_no, x.digest, x.created_at, w.digest AS waiting
    FROM unnest($1::text[]::uuid[], $2::text[], $3::text[]::uuid[])
         WITH ORDINALITY AS s (conversation_id, user_id, client_id, place)
    JOIN members m
      ON m.conversation_id = s.conversation_id AND m.user_id = s.user_id AND m.left_at IS NULL
    LEFT JOIN messages x
      ON x.conversation_id = s.conversation_id AND x.by = s.user_id AND x.client_id = s.client_id
    LEFT JOIN scheduled_messages w
      ON w.conversation_id = s.conversation_id AND w.by = s.user_id AND w.client_id = s.client_id
"""

_WRITE = f"""
    WITH new AS (
        SELECT * FROM unnest(
            $2::text[]::uuid[], $3::text[]::bigint[], $4::text[]::bigint[], $5::text[]::uuid[], $6::text[], $7::text[],
            $8::text[]::uuid[], $9::bytea[], $10::text[], $11::text[]::jsonb[]
        ) AS new (conversation_id, seq, msg_no, id, by, by_name, client_id, digest, text, extra)
    ), message AS (
        INSERT INTO messages (conversation_id, seq, msg_no, id, by, client_id, digest, text, created_at,
                              reply_to, thread_root, mentions, media, expires_at)
        SELECT conversation_id, seq, msg_no, id, by, client_id, digest, text, $1,
               (extra ->> 'reply_to')::uuid, (extra ->> 'thread_root')::uuid,
               CASE WHEN extra IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(extra -> 'mentions')) END,
               extra -> 'media', (extra ->> 'expires_at')::timestamptz FROM new
    ), entry AS (
        INSERT INTO log (conversation_id, seq, type, at, by, by_name)
        SELECT conversation_id, seq, '{LogEventType.MESSAGE_CREATED}', $1, by, by_name FROM new
    )
    UPDATE conversations c SET last_seq = head.seq, last_msg_no = head.msg_no, active_at = $1,
           last_xid = (pg_current_xact_id()::text)::bigint
    FROM (SELECT conversation_id, max(seq) AS seq, max(msg_no) AS msg_no FROM new GROUP BY conversation_id) head
    WHERE c.id = head.conversation_id
"""

_REFERENCES = """
    SELECT s.place, x.id::text, x.thread_root IS NULL AS may_begin
    FROM unnest($1::text[]::bigint[], $2::text[]::uuid[], $3::text[], $4::text[]::uuid[])
         AS s (place, conversation_id, user_id, id)
    JOIN members m ON m.conversation_id = s.conversation_id AND m.user_id = s.user_id
    JOIN messages x ON x.id = s.id AND x.conversation_id = s.conversation_id AND x.seq >= m.visible_from
     AND x.deleted_at IS NULL
    WHERE NOT EXISTS (SELECT 1 FROM hidden_messages h
                      WHERE h.user_id = s.user_id AND h.conversation_id = x.conversation_id AND h.seq = x.seq)
      AND NOT EXISTS (SELECT 1 FROM blocks b JOIN conversations c ON c.id = s.conversation_id AND c.kind = 'group'
                      WHERE b.blocker = s.user_id AND b.blocked = x.by AND b.active)
"""
"""A message can be answered by whoever may see it: of whom that is not true, `models.HIDDEN_MESSAGE` says."""
_MENTIONABLE = """
    SELECT s.place, m.user_id
    FROM unnest($1::text[]::bigint[], $2::text[]::uuid[], $3::text[]) AS s (place, conversation_id, user_id)
    JOIN members m ON m.conversation_id = s.conversation_id AND m.user_id = s.user_id AND m.left_at IS NULL
"""
_MENTION = """
    INSERT INTO mentions (user_id, conversation_id, seq)
    SELECT * FROM unnest($1::text[], $2::text[]::uuid[], $3::text[]::bigint[])
"""
_AWAIT = """
    INSERT INTO awaited_files (media_id, conversation_id, seq)
    SELECT * FROM unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::text[]::bigint[])
"""
_TOUCH = "UPDATE messages SET touched = true WHERE id = ANY($1::text[]::uuid[]) AND NOT touched"


class SendRepository:
    """Reads what sends need to know, and writes them."""

    async def lock(self, connection: DriverConnection, sends: Sequence[Send]) -> dict[str, Head]:
        """Lock the conversations of a group, in the order of their ids, until the transaction ends."""
        rows = await connection.fetch(_LOCK, list({send.conversation_id for send in sends}))
        return {row[0]: Head(*row[1:]) for row in rows}

    async def known(self, connection: DriverConnection, sends: Sequence[Send]) -> Known:
        """What the sends need to know. Only true while the lock is held."""
        rows = await connection.fetch(
            _KNOWN,
            [send.conversation_id for send in sends],
            [send.user_id for send in sends],
            [send.client_id for send in sends],
        )
        members = {row[0] - 1 for row in rows}
        stored = {row[0] - 1: Stored(*row[1:6]) for row in rows if row[1] is not None}
        waiting = {row[0] - 1: row[6] for row in rows if row[6] is not None}
        rich = [(place, send) for place, send in enumerate(sends) if send.extras]
        if not rich:
            return Known(members, stored, waiting)
        references = await self._references(connection, rich)
        return Known(members, stored, waiting, references, await self._mentionable(connection, rich))

    @staticmethod
    async def _references(
        connection: DriverConnection, rich: Sequence[tuple[int, Send]]
    ) -> dict[tuple[int, str], bool]:
        wanted = [(place, send, each) for place, send in rich if send.extras for each in send.extras.references]
        if not wanted:
            return {}
        return {(row[0], row[1]): row[2] for row in await connection.fetch(_REFERENCES, *_wanted(wanted))}

    @staticmethod
    async def _mentionable(connection: DriverConnection, rich: Sequence[tuple[int, Send]]) -> set[tuple[int, str]]:
        wanted = [(place, send, each) for place, send in rich if send.extras for each in send.extras.mentions]
        if not wanted:
            return set()
        places, conversations, _, people = _wanted(wanted)
        return {(row[0], row[1]) for row in await connection.fetch(_MENTIONABLE, places, conversations, people)}

    async def write(self, connection: DriverConnection, new: Sequence[tuple[Send, Stored]], at: datetime) -> None:
        """Insert messages with their log rows, and move the conversations forward."""
        rich = any(send.extras for send, _ in new)
        await connection.execute(
            _WRITE,
            at,
            [send.conversation_id for send, _ in new],
            [str(stored.seq) for _, stored in new],
            [str(stored.msg_no) for _, stored in new],
            [stored.id for _, stored in new],
            [send.user_id for send, _ in new],
            [send.username for send, _ in new],
            [send.client_id for send, _ in new],
            [send.digest for send, _ in new],
            [send.text for send, _ in new],
            [_extra(send, at) for send, _ in new] if rich else None,
        )
        if rich:
            await self._write_extras(connection, new)

    @staticmethod
    async def _write_extras(connection: DriverConnection, new: Sequence[tuple[Send, Stored]]) -> None:
        rich = [(send, stored, send.extras) for send, stored in new if send.extras]
        mentions = [
            (user, send.conversation_id, str(stored.seq)) for send, stored, extras in rich for user in extras.mentions
        ]
        if mentions:
            await connection.execute(_MENTION, *(list(column) for column in zip(*mentions, strict=True)))
        awaited = [
            (media_id, send.conversation_id, str(stored.seq))
            for send, stored, _ in rich
            if send.attached
            for media_id in send.attached.on_the_way
        ]
        if awaited:
            await connection.execute(_AWAIT, *(list(column) for column in zip(*awaited, strict=True)))
        if roots := {extras.thread_root for _, _, extras in rich if extras.thread_root}:
            await connection.execute(_TOUCH, list(roots))


def _wanted(wanted: Sequence[tuple[int, Send, str]]) -> tuple[list[str], list[str], list[str], list[str]]:
    """The columns of what sends ask for: places, conversations, senders, and what each asks for."""
    return (
        [str(place) for place, _, _ in wanted],
        [send.conversation_id for _, send, _ in wanted],
        [send.user_id for _, send, _ in wanted],
        [each for _, _, each in wanted],
    )


def _extra(send: Send, at: datetime) -> str | None:
    return orjson.dumps(send.extras.shown(at)).decode() if send.extras else None
