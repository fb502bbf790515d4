"""When a transaction ends, and what the caller hears of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servicekit import postgres
from servicekit.errors import Conflict, DependencyUnavailable
from servicekit.postgres import Database, DirectConnection, ReadSession, Session, WriteSession, create_engine
from servicekit.testing import Callers, client_of

MakeApp = Callable[..., FastAPI]

INSERT = text("INSERT INTO things (id) VALUES (1)")


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    """A table whose uniqueness is checked when a transaction commits."""
    async with Database(create_engine(empty_database_url, name="test")) as database:
        async with database.write() as session:
            await session.execute(text("CREATE TABLE things (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        yield database


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    """A database that is away."""
    async with Database(create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none", name="test")) as away:
        yield away


async def _count(database: Database) -> int:
    async with database.read() as session:
        return int(await session.scalar(text("SELECT count(*) FROM things")) or 0)


def _router() -> APIRouter:
    router = APIRouter()

    @router.post("/things", status_code=201)
    async def create(session: WriteSession) -> None:
        await session.execute(INSERT)

    @router.post("/refused", status_code=201)
    async def refuse(session: WriteSession) -> None:
        await session.execute(INSERT)
        raise Conflict

    @router.post("/read-only", status_code=201)
    async def read(session: ReadSession) -> None:
        await session.execute(INSERT)

    return router


class WatchedAnswers:
    """Notes how many things are stored at the moment when an answer starts to leave."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app = app
        self._database = database
        self.stored: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.stored.append(await _count(self._database))
            await send(message)

        await self._app(scope, receive, watched)


@pytest.fixture
def app(make_app: MakeApp, database: Database) -> FastAPI:
    return make_app(_router(), state={"database": database})


@pytest.fixture
async def client(app: FastAPI, local_callers: Callers) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, **await local_callers.user("ann")) as client:
        yield client


async def test_a_change_is_durable_before_its_answer_leaves(
    app: FastAPI, database: Database, local_callers: Callers
) -> None:
    async with app.router.lifespan_context(app) as state:
        watched = WatchedAnswers(app, database)

        async def stateful(scope: Scope, receive: Receive, send: Send) -> None:
            await watched({**scope, "state": dict(state or {})}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(stateful), base_url="http://test") as client:
            answer = await client.post("/things", headers=await local_callers.user("ann"))

    assert answer.status_code == 201
    assert watched.stored == [1]


async def test_a_commit_that_fails_is_no_success(client: httpx.AsyncClient, database: Database) -> None:
    await client.post("/things")

    answer = await client.post("/things")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert await _count(database) == 1


async def test_a_refused_command_changes_nothing(client: httpx.AsyncClient, database: Database) -> None:
    answer = await client.post("/refused")

    assert answer.status_code == 409
    assert await _count(database) == 0


async def test_a_read_session_refuses_to_write(client: httpx.AsyncClient, database: Database) -> None:
    answer = await client.post("/read-only")

    assert answer.status_code == 500
    assert await _count(database) == 0


async def test_a_read_session_says_why_it_refuses(database: Database) -> None:
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with database.read() as session:
            await session.execute(INSERT)


async def test_a_connection_that_died_in_the_pool_is_replaced(database: Database) -> None:
    async with database.connection() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    url = database.engine.url.render_as_string(hide_password=False)
    async with Database(create_engine(url, name="killer")) as killer, killer.write() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    await database.check()


async def test_a_database_that_is_away_fails_the_check(away: Database) -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        await away.check()


async def test_a_database_that_is_away_is_a_dependency_that_is_unavailable(away: Database) -> None:
    async def ask(session_of: Callable[[], AbstractAsyncContextManager[Session]]) -> None:
        async with session_of() as session:
            await session.execute(text("SELECT 1"))

    for session_of in (away.read, away.write):
        with pytest.raises(DependencyUnavailable):
            await ask(session_of)


async def test_a_database_that_goes_away_in_a_transaction_is_unavailable_too(database: Database) -> None:
    async def write_while_the_connection_is_cut() -> None:
        async with database.write() as session, database.engine.connect() as other:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            await session.execute(INSERT)

    with pytest.raises(DependencyUnavailable):
        await write_while_the_connection_is_cut()
    assert await _count(database) == 0


async def test_a_server_that_takes_no_connections_for_now_is_unavailable_too(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("CREATE ROLE crowded LOGIN PASSWORD 'secret' CONNECTION LIMIT 0"))
    url = database.engine.url.set(username="crowded", password="secret")
    try:
        async with Database(create_engine(url.render_as_string(hide_password=False), name="test")) as crowded:
            with pytest.raises(DependencyUnavailable):
                async with crowded.write() as session:
                    await session.execute(INSERT)
    finally:
        async with database.write() as session:
            await session.execute(text("DROP ROLE crowded"))


@pytest.fixture
async def direct(database: Database, empty_database_url: str) -> AsyncIterator[DirectConnection]:
    """A connection without SQLAlchemy, to the database of the things."""
    direct = DirectConnection(empty_database_url, name="direct-test")
    yield direct
    await direct.close()


async def test_a_direct_transaction_is_committed_at_its_end(database: Database, direct: DirectConnection) -> None:
    async with direct.transaction() as connection:
        await connection.execute("INSERT INTO things (id) VALUES (1)")
        assert await _count(database) == 0
    assert await _count(database) == 1


async def test_a_direct_transaction_that_fails_leaves_nothing(database: Database, direct: DirectConnection) -> None:
    async def fail() -> None:
        async with direct.transaction() as connection:
            await connection.execute("INSERT INTO things (id) VALUES (1)")
            raise Conflict

    with pytest.raises(Conflict):
        await fail()
    assert await _count(database) == 0


async def test_after_a_commit_that_failed_the_next_transaction_is_a_whole_one(
    database: Database, direct: DirectConnection
) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        async with direct.transaction() as connection:
            await connection.execute("INSERT INTO things (id) VALUES (1), (1)")
    async with direct.transaction() as connection:
        await connection.execute("INSERT INTO things (id) VALUES (2)")
    assert await _count(database) == 1


async def test_a_direct_connection_that_was_lost_is_opened_again(database: Database, direct: DirectConnection) -> None:
    async with direct.transaction() as connection:
        lost = await connection.fetchval("SELECT pg_backend_pid()")
    async with database.write() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": lost})
    async with direct.transaction() as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") != lost


@pytest.mark.parametrize("turns", range(12))
async def test_a_database_that_goes_away_in_the_middle_is_unavailable(
    database: Database, direct: DirectConnection, turns: int
) -> None:
    async def lose() -> None:
        async with direct.transaction() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            async with database.write() as session:
                await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            for _ in range(turns):  # asked before the driver has heard of it, while it hears, and after
                await asyncio.sleep(0)
            await connection.execute("INSERT INTO things (id) VALUES (1)")

    with pytest.raises(DependencyUnavailable):
        await lose()
    async with direct.transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM things") == 0


async def test_a_direct_connection_reads_no_whole_tables(direct: DirectConnection) -> None:
    async with direct.transaction() as connection:
        assert await connection.fetchval("SHOW enable_seqscan") == "off"


async def test_a_plan_that_an_empty_table_led_to_is_not_kept(
    direct: DirectConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index of one column finds a row as soon as that of both, while there are hardly any."""
    ask = "SELECT c FROM unnest($1::int[], $2::int[]) AS s (x, y) LEFT JOIN pairs ON a = x AND b = y"
    many = "array_fill(1, ARRAY[50])"
    explain = f"SELECT format('EXPLAIN EXECUTE %I ({many}, {many})', name) FROM pg_prepared_statements"

    async def plan() -> str:
        async with direct.transaction() as connection:
            for _ in range(6):  # five plans for the values at hand, and then one for all
                await connection.fetch(ask, [1] * 50, [1] * 50)
            command = await connection.fetchval(f"{explain} WHERE statement = $1", ask)
            return "\n".join(row[0] for row in await connection.fetch(command))

    monkeypatch.setattr(postgres, "PLAN_SECONDS", 3600.0)
    async with direct.transaction() as connection:
        await connection.execute("CREATE TABLE pairs (a int, b int, c char(1000))")
        await connection.execute("CREATE UNIQUE INDEX by_both ON pairs (a, b); CREATE INDEX by_one ON pairs (a)")
        await connection.execute("INSERT INTO pairs VALUES (1, 0)")  # what is first in an index makes plans void
    assert "by_one" in await plan()
    async with direct.transaction() as connection:
        await connection.execute("INSERT INTO pairs SELECT n % 10, n, '' FROM generate_series(1, 2000) AS s (n)")
    assert "by_one" in await plan()

    monkeypatch.setattr(postgres, "PLAN_SECONDS", 0.0)

    assert "by_both" in await plan()
