"""A follower gives each row its effect exactly once, whoever commits late, fails, or follows beside it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from servicekit.errors import DependencyUnavailable
from servicekit.follower import Follower
from servicekit.loops import repeated
from servicekit.outbox import BELOW_RUNNING, OutboxColumns, OutboxPosition, RelayPositionColumns
from servicekit.postgres import Database, create_engine
from servicekit.testing import eventually


class Base(DeclarativeBase):
    """The tables of these tests."""


class Happening(OutboxColumns, Base):
    """Something that is to be followed."""

    __tablename__ = "happenings"
    id: Mapped[str] = mapped_column(primary_key=True)


class Effect(Base):
    """What follows from a happening, in the order in which it did."""

    __tablename__ = "effects"
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str]


class Positions(RelayPositionColumns, Base):
    """Where the followers are."""

    __tablename__ = "relay_positions"


class Happenings:
    """The source: each row makes an effect. It fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures = 0

    async def read(self, session: AsyncSession, after: OutboxPosition, limit: int) -> Sequence[Any]:
        query = text(f"""
            SELECT * FROM happenings WHERE (xid, position) > (:xid, :position) AND {BELOW_RUNNING}
            ORDER BY xid, position LIMIT :limit
        """)
        return (await session.execute(query, {**after._asdict(), "limit": limit})).all()

    async def apply(self, session: AsyncSession, rows: Sequence[Any]) -> None:
        for row in rows:
            await session.execute(text("INSERT INTO effects (id) VALUES (:id)"), {"id": row.id})
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    async with Database(create_engine(empty_database_url, name="test")) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield database


def _follower(database: Database, source: Happenings, **options: Any) -> Follower:
    return Follower(name="test", database=database, source=source, **options)


async def _happen(database: Database, *names: str) -> None:
    async with database.write() as session:
        for name in names:
            await session.execute(text("INSERT INTO happenings (id) VALUES (:id)"), {"id": name})


async def _effects(database: Database) -> list[str]:
    async with database.read() as session:
        return list((await session.scalars(text("SELECT id FROM effects ORDER BY number"))).all())


async def _step_until(database: Database, follower: Follower, *names: str) -> None:
    async def reached() -> bool:
        await follower.step()
        return await _effects(database) == list(names)

    await eventually(reached)


async def test_each_row_has_its_effect_once_and_in_order(database: Database) -> None:
    follower = _follower(database, Happenings(), batch=2)
    await _happen(database, "a", "b", "c")
    await _step_until(database, follower, "a", "b", "c")
    await _happen(database, "d")
    await _step_until(database, follower, "a", "b", "c", "d")
    assert await follower.step() is False


async def test_a_transaction_that_commits_late_is_not_missed(database: Database) -> None:
    follower = _follower(database, Happenings())
    async with database.write() as early:
        await early.execute(text("INSERT INTO happenings (id) VALUES ('early')"))
        await _happen(database, "late")
        assert await follower.step() is False
        assert await _effects(database) == []
    await _step_until(database, follower, "early", "late")


async def test_what_failed_leaves_nothing_and_is_done_again(database: Database) -> None:
    source = Happenings()
    follower = _follower(database, source)
    await _happen(database, "a", "b")
    source.failures = 1

    async def failed() -> bool:
        try:
            await follower.step()
        except DependencyUnavailable:
            return True
        return False

    await eventually(failed)
    assert await _effects(database) == []
    await _step_until(database, follower, "a", "b")


async def test_followers_side_by_side_do_nothing_twice(database: Database) -> None:
    names, stopping = [f"e{n:03}" for n in range(60)], asyncio.Event()
    followers = [_follower(database, Happenings(), batch=3) for _ in range(3)]
    running = [asyncio.create_task(repeated(each.step, 0.01)(stopping)) for each in followers]
    for name in names:
        await _happen(database, name)

    async def all_there() -> bool:
        return len(await _effects(database)) >= len(names)

    await eventually(all_there)
    stopping.set()
    await asyncio.gather(*running)
    assert await _effects(database) == names


async def test_while_nothing_happens_nothing_is_written(database: Database) -> None:
    assert await _follower(database, Happenings()).step() is False
    async with database.read() as session:
        assert (await session.execute(text("SELECT * FROM relay_positions"))).all() == []
