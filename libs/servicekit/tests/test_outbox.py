"""The relay of PostgreSQL misses nothing, whoever commits late or dies. What every relay does: `test_relays.py`."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

from messenger_contracts.envelope import Event
from servicekit.outbox import OutboxSource, PostgresRelay
from servicekit.postgres import Database
from servicekit.testing import eventually
from servicekit.testing_events import Recorder


class Relays:
    """Makes relays of the test's database."""

    def __init__(self, database: Database, source: OutboxSource) -> None:
        self._database = database
        self._source = source

    def to(self, topic: Recorder, **options: Any) -> PostgresRelay:
        """One that publishes to a topic."""
        return PostgresRelay(name="test", database=self._database, source=self._source, publisher=topic, **options)


@pytest.fixture
def database(outbox_database: Database) -> Database:
    return outbox_database


@pytest.fixture
def relays(database: Database, happenings: OutboxSource) -> Relays:
    return Relays(database, happenings)


@pytest.fixture
def topic() -> Recorder:
    return Recorder()


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


async def test_a_transaction_that_began_early_and_commits_late_is_not_missed(
    database: Database, relays: Relays, topic: Recorder
) -> None:
    relay = relays.to(topic)
    async with database.connection() as early:
        await _write(early, "early")
        await _happen(database, "late")

        assert await _step(database, relay) == 0
        await early.commit()

    assert await _published(database, relay, topic, 2) == ["early", "late"]


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
    phases=[Phase.reuse, Phase.generate],  # a failure waits for what never comes: too slow to be made smaller
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(actions=st.lists(ACTIONS, min_size=4, max_size=16), batch=st.integers(1, 4))
async def test_nothing_is_missed_or_doubled_in_any_interleaving(
    database: Database, relays: Relays, actions: list[tuple[str, int]], batch: int
) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("TRUNCATE happenings, relay_positions"))
    topic = Recorder()
    relay = relays.to(topic, batch=batch)

    async with Interleaving(database) as interleaving:
        for action, number in actions:
            if action == "write":
                await interleaving.write(number)
            else:
                await interleaving.end(number, commit=action == "commit")
                await _step(database, relay)

    published = await _published(database, relay, topic, len(interleaving.committed))
    assert sorted(published) == sorted(interleaving.committed)


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


async def test_a_crash_between_publishing_and_remembering_publishes_again(database: Database, relays: Relays) -> None:
    topic = DyingRecorder(database)
    relay = relays.to(topic)
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


async def test_one_relay_leads_and_the_next_takes_over_when_it_dies(database: Database, relays: Relays) -> None:
    topics = [Recorder(), Recorder()]
    stopping = asyncio.Event()
    running = [asyncio.create_task(relays.to(topic).run(stopping)) for topic in topics]

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
