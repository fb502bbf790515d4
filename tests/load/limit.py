"""What the database itself allows: asyncpg alone, writing the rows that the suite wrote, in the same groups.

The rows go to tables of the same definition in a schema of their own, with nothing around them: no sockets, no checks,
no locks, no publication, and the parameters are made before the clock runs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from .figures import Figure, Results
from .generators import crew
from .saturation import SENDS, TEXT
from .stage import Stage

NAME = "asyncpg alone, same rows, same groups"
Group = dict[str, int]
"""How many messages one transaction wrote, by conversation."""

_DIGEST = bytes(32)
_TABLES = """
    DROP SCHEMA IF EXISTS bench CASCADE;
    CREATE SCHEMA bench;
    CREATE TABLE bench.conversations (LIKE public.conversations INCLUDING ALL) WITH (fillfactor = 70);
    CREATE TABLE bench.messages (LIKE public.messages INCLUDING ALL);
    CREATE TABLE bench.log (LIKE public.log INCLUDING ALL);
    INSERT INTO bench.conversations SELECT * FROM public.conversations;
"""
_WRITE = """
    WITH new AS (
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::bytea[],
                             $8::text[], $9::timestamptz[])
        AS new (conversation_id, seq, id, by, by_name, client_id, digest, text, created_at)
    ), message AS (
        INSERT INTO bench.messages (conversation_id, seq, msg_no, id, by, client_id, digest, text, created_at)
        SELECT conversation_id, seq, seq, id, by, client_id, digest, text, created_at FROM new
    ), entry AS (
        INSERT INTO bench.log (conversation_id, seq, type, at, by, by_name)
        SELECT conversation_id, seq, 'message.created', created_at, by, by_name FROM new
    )
    UPDATE bench.conversations c SET last_seq = head.seq, last_msg_no = head.seq, active_at = head.at
    FROM (SELECT conversation_id, max(seq) AS seq, max(created_at) AS at FROM new GROUP BY conversation_id) head
    WHERE c.id = head.conversation_id
"""
_GROUPS = """
    SELECT xid, conversation_id::text AS conversation, count(*) AS messages FROM log
    WHERE xid >= $1 AND type = 'message.created' GROUP BY xid, conversation_id ORDER BY xid
"""


@dataclass
class Alone:
    """The load: one connection, as chat has one transaction under way. A round's order is its groups."""

    url: str

    async def start(self) -> None:
        """Connect, to empty tables."""
        self._connection = await asyncpg.connect(self.url, timeout=10)
        await self._connection.execute(_TABLES)
        self._positions: dict[str, int] = {}

    async def round(self, groups: Sequence[Group]) -> float:
        """Commit every group, one after the other; returns the seconds."""
        prepared = [self._rows(group) for group in groups]
        statement = await self._connection.prepare(_WRITE)
        started = time.monotonic()
        for rows in prepared:
            async with self._connection.transaction():
                await statement.fetch(*rows)
        return time.monotonic() - started

    def _rows(self, group: Group) -> list[list[Any]]:
        ids = [conversation for conversation, count in group.items() for _ in range(count)]
        seqs = []
        for conversation in ids:
            self._positions[conversation] = self._positions.get(conversation, 10**6) + 1
            seqs.append(self._positions[conversation])
        count, person, now = len(ids), str(uuid4()), datetime.now(UTC)
        return [
            [UUID(conversation) for conversation in ids],
            seqs,
            [uuid4() for _ in ids],
            [person] * count,
            ["guest_12345678"] * count,
            [uuid4() for _ in ids],
            [_DIGEST] * count,
            [TEXT] * count,
            [now] * count,
        ]


async def next_transaction(stage: Stage) -> int:
    """Return the id that the next writing transaction will have, or a later one."""
    return int((await stage.query("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid"))[0]["xid"])


async def groups_since(stage: Stage, xid: int) -> list[Group]:
    """Return what each transaction from this one on wrote."""
    groups: dict[int, Group] = {}
    for row in await stage.query(_GROUPS, xid):
        groups.setdefault(row["xid"], {})[row["conversation"]] = row["messages"]
    return list(groups.values())


async def measure(stage: Stage, results: Results, name: str, groups: Sequence[Group], rounds: int) -> None:
    """Measure beside what the suite did in scenario `name`, into `results`."""
    messages = sum(sum(group.values()) for group in groups)
    with stage.workers_halted(), crew([Alone(stage.suite.database_url("chat"))]) as generator:
        generator.round(groups[: len(groups) // 4])
        rates = [messages / generator.round(groups)[0] for _ in range(rounds)]
    await stage.query("DROP SCHEMA bench CASCADE")
    alone = Figure(NAME, "/s", rates)
    ours = results.figure(name, SENDS)
    results.add(name, Figure("sends a transaction", "", [messages / len(groups)]), alone)
    results.ratios.append(Figure(f"{name}: durable sends to asyncpg alone", "", [r / alone.value for r in ours.rounds]))
