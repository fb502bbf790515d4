"""Reading along a table in the order of its commits, to keep something else in the same database up to date.

A follower's position is a row of `relay_positions`, as a relay's is, but it moves in the transaction of what the
follower writes: each row takes effect exactly once. Any number may run; where another was faster, a step changes
nothing.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.outbox import OutboxPosition
from servicekit.postgres import Database

_POSITION = text("SELECT xid, position FROM relay_positions WHERE name = :name")
_MOVE = text("""
    INSERT INTO relay_positions AS p (name, xid, position) VALUES (:name, :xid, :position)
    ON CONFLICT (name) DO UPDATE SET xid = excluded.xid, position = excluded.position
    WHERE (p.xid, p.position) = (:after_xid, :after_position)
    RETURNING name
""")


class FollowedSource(Protocol):
    """What a service offers to a follower: what to read, and what to write for it."""

    async def read(self, session: AsyncSession, after: OutboxPosition, limit: int) -> Sequence[Any]:
        """The next rows behind a position, ordered by it, under the condition `outbox.BELOW_RUNNING`.

        They have `xid` and `position`.
        """
        ...

    async def apply(self, session: AsyncSession, rows: Sequence[Any]) -> None:
        """Write what follows from the rows, in the transaction that moves the position."""
        ...


class Follower:
    """Follows one table. Run it by `loops.repeated(follower.step, …)`."""

    def __init__(self, *, name: str, database: Database, source: FollowedSource, batch: int = 500) -> None:
        self._name = name
        self._database = database
        self._source = source
        self._batch = batch

    async def step(self) -> bool:
        """Take one batch; returns whether there may be more at once. While nothing happens, it writes nothing."""
        async with self._database.write() as session:
            after = await self._position(session)
            rows = await self._source.read(session, after, self._batch)
            if rows and await self._move(session, after, OutboxPosition(rows[-1].xid, rows[-1].position)):
                await self._source.apply(session, rows)
        return len(rows) >= self._batch

    async def _position(self, session: AsyncSession) -> OutboxPosition:
        row = (await session.execute(_POSITION, {"name": self._name})).one_or_none()
        return OutboxPosition(row.xid, row.position) if row else OutboxPosition()

    async def _move(self, session: AsyncSession, after: OutboxPosition, to: OutboxPosition) -> bool:
        """Move the position, and hold its row until the commit; false where another follower has moved it."""
        parameters = {
            "name": self._name,
            **to._asdict(),
            "after_xid": after.xid,
            "after_position": after.position,
        }
        return (await session.execute(_MOVE, parameters)).one_or_none() is not None
