"""From PostgreSQL to SNS: what was written in a transaction is published, at least once, by one relay at a time.

A table takes part by having the two columns of `OutboxColumns`: the transaction that wrote a row, and a number that
grows. Rows are never marked. The relay keeps one position `(xid, position)` and reads what lies behind it and below
the oldest transaction that still runs: a row that commits late has an xid that the relay has not passed yet, so it
cannot be missed. A crash between publishing and moving the position publishes again: consumers keep a ledger.

After a *logical* restore into a new cluster, whose transaction ids start anew, empty `relay_positions`.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import BigInteger, Identity, Text, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from messenger_contracts.envelope import Event
from servicekit.loops import wait_for
from servicekit.postgres import Database
from servicekit.sns import Publisher
from servicekit.telemetry import meter

log = logging.getLogger(__name__)
_published = meter.create_counter("outbox.published", description="Events handed to SNS")
_lag = meter.create_histogram("outbox.lag", unit="ms", description="Age of an event when it was handed to SNS")

CURRENT_XID = text("(pg_current_xact_id()::text)::bigint")
BELOW_RUNNING = "xid < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"
"""SQL: the row's transaction, and every one before it, has ended."""


class OutboxColumns:
    """What a table needs for its rows to be published in order."""

    xid: Mapped[int] = mapped_column(BigInteger, server_default=CURRENT_XID)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))


class RelayPositionColumns:
    """The table `relay_positions`: how far each relay has come."""

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(BigInteger)


class OutboxPosition(NamedTuple):
    """A place in the order of commits."""

    xid: int = 0
    position: int = 0


@dataclass(frozen=True)
class OutboxRecord:
    """An event and its place."""

    at: OutboxPosition
    event: Event[Any]


class OutboxSource(Protocol):
    """What a service's repository offers to the relay."""

    async def read(self, connection: AsyncConnection, after: OutboxPosition, limit: int) -> Sequence[OutboxRecord]:
        """The next events behind a position, ordered by it, under the condition `BELOW_RUNNING`."""
        ...


class PostgresRelay:
    """Publishes a source's events. Any number may run; an advisory lock lets one work, and the next takes over."""

    def __init__(
        self,
        *,
        name: str,
        database: Database,
        source: OutboxSource,
        publisher: Publisher,
        batch: int = 200,
        idle_seconds: float = 0.1,
    ) -> None:
        self._name = name
        self._database = database
        self._source = source
        self._publisher = publisher
        self._batch = batch
        self._idle = idle_seconds
        self._lock = int.from_bytes(hashlib.sha256(f"relay:{name}".encode()).digest()[:8], "big", signed=True)

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until the event is set. Raises when the database or SNS fails; the position stays where it was."""
        async with self._database.connection() as connection:
            try:
                while not stopping.is_set():
                    if await self._lead(connection):
                        await self._publish_all(connection, stopping)
                    await wait_for(stopping, 1.0)
            except BaseException:
                await connection.invalidate()  # the lock ends with the connection, whatever has become of that
                raise
            await connection.execute(text("SELECT pg_advisory_unlock_all()"))
            await connection.commit()

    async def _lead(self, connection: AsyncConnection) -> bool:
        leads = await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": self._lock})
        await connection.commit()
        return bool(leads)

    async def _publish_all(self, connection: AsyncConnection, stopping: asyncio.Event) -> None:
        log.info("relay %s leads", self._name)
        while not stopping.is_set():
            if await self.step(connection) < self._batch:
                await wait_for(stopping, self._idle)

    async def step(self, connection: AsyncConnection) -> int:
        """Publish one batch and move the position; returns how many events it held."""
        after = await self._position(connection)
        records = await self._source.read(connection, after, self._batch)
        await connection.commit()
        if not records:
            return 0
        await self._publisher.publish([record.event for record in records])
        await self._move(connection, records[-1].at)
        _published.add(len(records), {"relay": self._name})
        age = datetime.now(UTC) - records[0].event.time
        _lag.record(age.total_seconds() * 1000, {"relay": self._name})
        return len(records)

    async def _position(self, connection: AsyncConnection) -> OutboxPosition:
        query = text("SELECT xid, position FROM relay_positions WHERE name = :name")
        row = (await connection.execute(query, {"name": self._name})).one_or_none()
        return OutboxPosition(row.xid, row.position) if row else OutboxPosition()

    async def _move(self, connection: AsyncConnection, to: OutboxPosition) -> None:
        statement = text(
            "INSERT INTO relay_positions (name, xid, position) VALUES (:name, :xid, :position) "
            "ON CONFLICT (name) DO UPDATE SET xid = excluded.xid, position = excluded.position"
        )
        await connection.execute(statement, {"name": self._name, **to._asdict()})
        await connection.commit()
