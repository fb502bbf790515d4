"""The relay misses nothing, whoever commits late, fails or dies."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from messenger_contracts.commands import Actor
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.chat import MemberJoined
from servicekit.outbox import (
    BELOW_RUNNING,
    OutboxColumns,
    OutboxPosition,
    OutboxRecord,
    PostgresRelay,
    RelayPositionColumns,
)
from servicekit.postgres import Database, create_engine
from servicekit.sns import Publisher, PublishFailed
from servicekit.testing import eventually


class Base(DeclarativeBase):
    """The tables of these tests."""


class Happening(OutboxColumns, Base):
    """Something that is to be published."""

    __tablename__ = "happenings"
    id: Mapped[str] = mapped_column(primary_key=True)


class Positions(RelayPositionColumns, Base):
    """Where the relays are."""

    __tablename__ = "relay_positions"


class Happenings:
    """The source: every row is an event."""

    async def read(self, connection: AsyncConnection, after: OutboxPosition, limit: int) -> Sequence[OutboxRecord]:
        place = tuple_(Happening.xid, Happening.position)
        query = (
            select(Happening.xid, Happening.position, Happening.id)
            .where(place > tuple_(after.xid, after.position), text(BELOW_RUNNING))
            .order_by(Happening.xid, Happening.position)
            .limit(limit)
        )
        rows = await connection.execute(query)
        return [OutboxRecord(OutboxPosition(row.xid, row.position), _event(row.id)) for row in rows]


def _event(name: str) -> Event[Any]:
    data = MemberJoined(
        conversation_id="c", seq=1, actor=Actor(user_id="u", username="ann"), user_id="u", role="member"
    )
    return Event[MemberJoined](
        id=name,
        source="test",
        type=data.TYPE,
        time=datetime.now(UTC),
        subject="c",
        dataschema=schema_uri(data.TYPE),
        data=data,
    )


class Recorder(Publisher):
    """A topic that remembers, and refuses while it is told to."""

    def __init__(self) -> None:
        super().__init__(None, "")
        self.published: list[str] = []
        self.refuses = False

    async def publish(self, events: Sequence[Event[Any]]) -> None:
        if self.refuses:
            raise PublishFailed("no")
        self.published += [event.id for event in events]


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    database = Database(create_engine(empty_database_url, name="test", pool_size=20))
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
def topic() -> Recorder:
    return Recorder()


@pytest.fixture
def relay(database: Database, topic: Recorder) -> PostgresRelay:
    return _relay(database, topic)


def _relay(database: Database, topic: Recorder, **options: Any) -> PostgresRelay:
    return PostgresRelay(name="test", database=database, source=Happenings(), publisher=topic, **options)


async def _write(connection: AsyncConnection, *names: str) -> None:
    for name in names:
        await connection.execute(text("INSERT INTO happenings (id) VALUES (:id)"), {"id": name})


async def _happen(database: Database, *names: str) -> None:
    async with database.engine.begin() as connection:
        await _write(connection, *names)


async def _step(database: Database, relay: PostgresRelay) -> int:
    async with database.connection() as connection:
        return await relay.step(connection)


async def _published(database: Database, relay: PostgresRelay, topic: Recorder, count: int) -> list[str]:
    """Step until so many events are out: other databases of the server may hold the horizon back for a moment."""

    async def enough() -> bool:
        await _step(database, relay)
        return len(topic.published) >= count

    await eventually(enough)
    return topic.published


async def test_what_was_committed_is_published_in_order(
    database: Database, relay: PostgresRelay, topic: Recorder
) -> None:
    await _happen(database, "a", "b")
    await _happen(database, "c")

    assert await _published(database, relay, topic, 3) == ["a", "b", "c"]


async def test_what_was_published_is_not_published_again(
    database: Database, relay: PostgresRelay, topic: Recorder
) -> None:
    await _happen(database, "a")
    await _published(database, relay, topic, 1)

    assert await _step(database, relay) == 0


async def test_what_was_rolled_back_is_not_published(database: Database, relay: PostgresRelay, topic: Recorder) -> None:
    async with database.connection() as connection:
        await _write(connection, "never")
        await connection.rollback()
    await _happen(database, "a")

    assert await _published(database, relay, topic, 1) == ["a"]


async def test_a_transaction_that_began_early_and_commits_late_is_not_missed(
    database: Database, relay: PostgresRelay, topic: Recorder
) -> None:
    async with database.connection() as early:
        await _write(early, "early")
        await _happen(database, "late")

        assert await _step(database, relay) == 0
        await early.commit()

    assert await _published(database, relay, topic, 2) == ["early", "late"]


async def test_a_batch_ends_at_its_limit_and_the_next_goes_on(database: Database, topic: Recorder) -> None:
    relay = _relay(database, topic, batch=2)
    await _happen(database, "a", "b", "c")

    assert await _published(database, relay, topic, 1) == ["a", "b"]
    assert await _published(database, relay, topic, 3) == ["a", "b", "c"]


class Interleaving:
    """Transactions that write, commit and fail in an order that hypothesis chooses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._exits = AsyncExitStack()
        self._open: dict[int, tuple[AsyncConnection, AsyncTransaction, list[str]]] = {}
        self._written = 0
        self.committed: list[str] = []

    async def __aenter__(self) -> "Interleaving":
        return self

    async def __aexit__(self, *_: object) -> None:
        for number in list(self._open):
            await self.end(number, commit=True)
        await self._exits.aclose()

    async def write(self, number: int) -> None:
        if number not in self._open:
            connection = await self._exits.enter_async_context(self._database.connection())
            self._open[number] = (connection, await connection.begin(), [])
        connection, _, names = self._open[number]
        self._written += 1
        names.append(f"e{self._written}")
        await _write(connection, names[-1])

    async def end(self, number: int, *, commit: bool) -> None:
        if number not in self._open:
            return
        connection, transaction, names = self._open.pop(number)
        if commit:
            await transaction.commit()
            self.committed += names
        else:
            await transaction.rollback()
        await connection.close()


ACTIONS = st.tuples(st.sampled_from(["write", "write", "commit", "commit", "roll back"]), st.integers(0, 2))


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # a failure waits for what never comes: too slow to be made smaller
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(actions=st.lists(ACTIONS, min_size=4, max_size=16), batch=st.integers(1, 4))
async def test_nothing_is_missed_or_doubled_in_any_interleaving(
    database: Database, actions: list[tuple[str, int]], batch: int
) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("TRUNCATE happenings, relay_positions"))
    topic = Recorder()
    relay = _relay(database, topic, batch=batch)

    async with Interleaving(database) as interleaving:
        for action, number in actions:
            if action == "write":
                await interleaving.write(number)
            else:
                await interleaving.end(number, commit=action == "commit")
                await _step(database, relay)

    published = await _published(database, relay, topic, len(interleaving.committed))
    assert sorted(published) == sorted(interleaving.committed)


async def test_the_relay_stays_where_it_was_when_sns_fails(
    database: Database, relay: PostgresRelay, topic: Recorder
) -> None:
    await _happen(database, "a")
    topic.refuses = True

    async def refused() -> bool:
        try:
            await _step(database, relay)
        except PublishFailed:
            return True
        return False

    await eventually(refused)
    topic.refuses = False

    assert await _published(database, relay, topic, 1) == ["a"]


class DyingRecorder(Recorder):
    """A topic after whose first publication the relay's connection dies."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self.relay_pid = 0

    async def publish(self, events: Sequence[Event[Any]]) -> None:
        await super().publish(events)
        if self.relay_pid:
            await _terminate(self._database, self.relay_pid)
            self.relay_pid = 0


async def _terminate(database: Database, pid: int) -> None:
    async with database.connection() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def test_a_crash_between_publishing_and_remembering_publishes_again(database: Database) -> None:
    topic = DyingRecorder(database)
    relay = _relay(database, topic)
    await _happen(database, "a")

    async def died() -> bool:
        try:
            async with database.connection() as connection:
                topic.relay_pid = int(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)
                await connection.commit()
                await relay.step(connection)
        except DBAPIError:
            return True
        return False

    await eventually(died)
    assert topic.published == ["a"]
    assert await _published(database, relay, topic, 2) == ["a", "a"]


async def _leaders(database: Database) -> list[int]:
    query = text(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with database.connection() as connection:
        return list((await connection.scalars(query)).all())


async def test_one_relay_leads_and_the_next_takes_over_when_it_dies(database: Database) -> None:
    topics = [Recorder(), Recorder()]
    stopping = asyncio.Event()
    running = [asyncio.create_task(_relay(database, topic).run(stopping)) for topic in topics]

    async def one_published(name: str) -> list[Recorder]:
        return [topic for topic in topics if name in topic.published]

    await _happen(database, "first")
    (leader,) = await eventually(lambda: one_published("first"))
    (pid,) = await _leaders(database)
    await _terminate(database, pid)
    await _happen(database, "second")
    (heir,) = await eventually(lambda: one_published("second"))
    stopping.set()
    outcomes = await asyncio.gather(*running, return_exceptions=True)

    assert heir is not leader
    assert heir.published == ["second"]
    [died] = [outcome for outcome in outcomes if outcome]
    assert isinstance(died, DBAPIError)


async def test_a_relay_that_is_stopped_gives_the_lead_up(database: Database, topic: Recorder) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(_relay(database, topic).run(stopping))
    await eventually(lambda: _leaders(database))

    stopping.set()
    await running

    assert await _leaders(database) == []
