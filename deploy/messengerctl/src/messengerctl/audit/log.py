"""What chat's database says: which events there are, and whether each log is dense and agrees with its messages."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from messengerctl.audit.membership import Audience, Change, Membership
from messengerctl.audit.report import Fault, Finding, Place

RELAY = "log"
ERASED = "deleted-account"
"""The name that stands where a person was who was erased: what they were told, and others of them, is gone."""

_HOLES_IN_LOG = """
    SELECT c.id, wanted.seq FROM conversations c CROSS JOIN LATERAL generate_series(1, c.last_seq) AS wanted (seq)
    LEFT JOIN log l ON l.conversation_id = c.id AND l.seq = wanted.seq
    WHERE l.seq IS NULL ORDER BY 1, 2
"""
_BEHIND_THE_END = """
    SELECT c.id, l.seq FROM conversations c JOIN log l ON l.conversation_id = c.id
    WHERE l.seq > c.last_seq OR l.seq < 1 ORDER BY 1, 2
"""
_HOLES_IN_MESSAGES = """
    SELECT c.id, wanted.msg_no FROM conversations c
    CROSS JOIN LATERAL generate_series(1, c.last_msg_no) AS wanted (msg_no)
    LEFT JOIN messages m ON m.conversation_id = c.id AND m.msg_no = wanted.msg_no
    WHERE m.msg_no IS NULL ORDER BY 1, 2
"""
_OUT_OF_ORDER = """
    SELECT conversation_id, seq FROM (
        SELECT conversation_id, seq, msg_no,
               lag(msg_no) OVER (PARTITION BY conversation_id ORDER BY seq) AS before FROM messages
    ) m WHERE msg_no <= before ORDER BY 1, 2
"""
_WITHOUT_MESSAGE = """
    SELECT l.conversation_id, l.seq FROM log l WHERE l.type = 'message.created' AND NOT EXISTS (
        SELECT FROM messages m WHERE m.conversation_id = l.conversation_id AND m.seq = l.seq) ORDER BY 1, 2
"""
_WITHOUT_EVENT = """
    SELECT m.conversation_id, m.seq FROM messages m WHERE NOT EXISTS (
        SELECT FROM log l WHERE l.conversation_id = m.conversation_id AND l.seq = m.seq
        AND l.type = 'message.created') ORDER BY 1, 2
"""
_SENT_TWICE = """
    SELECT conversation_id, seq FROM (
        SELECT conversation_id, seq,
               row_number() OVER (PARTITION BY conversation_id, by, client_id ORDER BY seq) AS copy FROM messages
    ) m WHERE copy > 1 ORDER BY 1, 2
"""
_MEMBERS = """
    SELECT l.conversation_id, l.seq, l.type = 'member.joined' AND c.deleted_at IS NULL AS joined,
           l.data ->> 'user_id' AS user_id
    FROM log l JOIN conversations c ON c.id = l.conversation_id
    WHERE l.type IN ('member.joined', 'member.left') ORDER BY 1, 2
"""
_BLOCKS = "SELECT blocked, blocker FROM blocks"
_ERASED = "SELECT user_id FROM members WHERE username = $1 UNION SELECT by FROM log WHERE by_name = $1"
_MESSAGES = """
    SELECT conversation_id, seq, by FROM log
    WHERE type = 'message.created' AND at > now() - make_interval(days => $1) AND by_name <> $2 ORDER BY 1, 2
"""
_HEADS = "SELECT id, last_seq FROM conversations"
_RELAY_POSITION = "SELECT xid, position FROM relay_positions WHERE name = $1"
_UNPUBLISHED = """
    SELECT conversation_id, seq FROM log WHERE (xid, position) > ($1, $2) AND audience IS NULL ORDER BY xid, position
"""

_CHECKS = (
    (Place.LOG, Fault.MISSING, _HOLES_IN_LOG),
    (Place.LOG, Fault.MISPLACED, _BEHIND_THE_END),
    (Place.MESSAGES, Fault.MISSING, _WITHOUT_MESSAGE),
    (Place.LOG, Fault.MISSING, _WITHOUT_EVENT),
    (Place.MESSAGES, Fault.DOUBLED, _SENT_TWICE),
    (Place.MESSAGES, Fault.MISPLACED, _OUT_OF_ORDER),
)


def event_id(conversation_id: object, seq: int) -> str:
    """The id under which a row of the log is published."""
    return f"chat:{conversation_id}:{seq}"


class ChatLog:
    """Chat's database, read in one snapshot."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def check(self) -> list[Finding]:
        """Hold each log against its conversation and its messages."""
        findings = [
            Finding(place, fault, event_id(row[0], row[1]))
            for place, fault, query in _CHECKS
            for row in await self._connection.fetch(query)
        ]
        holes = await self._connection.fetch(_HOLES_IN_MESSAGES)
        return findings + [
            Finding(Place.MESSAGES, Fault.MISSING, f"message {row[1]} of conversation {row[0]}") for row in holes
        ]

    async def expected(self, days: int) -> dict[str, Audience]:
        """Who should have heard of each message of the last days, by the id under which it was published."""
        changes: defaultdict[UUID, list[Change]] = defaultdict(list)
        for row in await self._connection.fetch(_MEMBERS):
            changes[row["conversation_id"]].append(Change(row["seq"], row["user_id"], row["joined"]))
        members = defaultdict(Membership, {each: Membership(of_it) for each, of_it in changes.items()})
        blockers: defaultdict[str, set[str]] = defaultdict(set)
        for row in await self._connection.fetch(_BLOCKS):
            blockers[row["blocked"]].add(row["blocker"])
        erased = {row["user_id"] for row in await self._connection.fetch(_ERASED, ERASED)}
        return {
            event_id(row["conversation_id"], row["seq"]): members[row["conversation_id"]].audience(
                row["seq"], row["by"], blockers[row["by"]] | erased
            )
            for row in await self._connection.fetch(_MESSAGES, days, ERASED)
        }

    async def heads(self) -> dict[str, int]:
        """Where each log ends."""
        return {str(row["id"]): row["last_seq"] for row in await self._connection.fetch(_HEADS)}

    async def unpublished(self) -> list[str]:
        """The events that the relay has not passed yet, in its order."""
        position = await self._connection.fetchrow(_RELAY_POSITION, RELAY)
        after = (position["xid"], position["position"]) if position else (0, 0)
        return [event_id(row[0], row[1]) for row in await self._connection.fetch(_UNPUBLISHED, *after)]


@asynccontextmanager
async def read_log(database_url: str) -> AsyncIterator[ChatLog]:
    """Open a snapshot of chat's database."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield ChatLog(connection)
    finally:
        await connection.close()
