"""PostgreSQL: the engine, and the only two ways to a session.

`WriteSession` commits after the answer was serialized and before it is sent, so that a failed commit is an error
that the caller sees (FastAPI ≥ 0.121, `scope="function"`). Nobody else commits. A socket or a worker opens one per
command.
"""

import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, Self, TypeAlias

import asyncpg
from fastapi import Depends, Request
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from servicekit.errors import DependencyUnavailable
from servicekit.telemetry import record_failure, records_traces

Session = AsyncSession
Connection = AsyncConnection
"""What a service's code calls a session and a connection, where it only passes them on."""

DriverConnection: TypeAlias = asyncpg.Connection
"""What a repository of a hot path is handed by `DirectConnection`."""

APPLICATION_PARAMETERS = {"jit": "off", "idle_in_transaction_session_timeout": "60000"}
_BY_KEY = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off")
PLAN_SECONDS = 1.0
"""How long `DirectConnection` keeps to a plan. To make one anew takes less than a millisecond."""
_BATCHES = {**_BY_KEY, "plan_cache_mode": "force_custom_plan"}
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What asyncpg raises when the database cannot be reached, goes away, or takes no more.

It has no better name than `InternalClientError` for what is asked between the server's last words and the end of the
connection.
"""


def create_engine(
    url: str, *, name: str, pool_size: int = 10, tls: bool = False, batches: bool = False, **options: Any
) -> AsyncEngine:
    """An engine on asyncpg. `tls` demands a verified certificate; `?sslmode=` in the URL would not work here.

    `batches` is for processes that take many rows of large tables at a time, by their keys: each statement is planned
    anew, and not to read a whole table for them, as the planner would while the table is in the tens of thousands.
    """
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args=_arguments(name, tls=tls, **(_BATCHES if batches else {})),
        **options,
    )
    if records_traces():
        # It declares SQLAlchemy < 2.1 and would silently do nothing, though it works.
        SQLAlchemyInstrumentor().instrument(engine=engine.sync_engine, skip_dep_check=True)
    return engine


def _arguments(name: str, *, tls: bool, **parameters: str) -> dict[str, Any]:
    """How asyncpg connects; `parameters` are the session's."""
    session = {"application_name": name, **APPLICATION_PARAMETERS, **parameters}
    arguments: dict[str, Any] = {"server_settings": session, "timeout": 5}
    return {**arguments, "ssl": ssl.create_default_context()} if tls else arguments


@contextmanager
def _available() -> Iterator[None]:
    """Turn a database that cannot be reached, or went away in the middle, into `DependencyUnavailable`.

    Whether a commit that was under way took effect is not known then; what is asked again must be harmless.
    """
    try:
        yield
    except DBAPIError as error:
        if not (error.connection_invalidated or isinstance(error, OperationalError | InterfaceError) or _away(error)):
            raise
        record_failure("postgres", error)
        raise DependencyUnavailable from error
    except (*AWAY, PoolTimeoutError) as error:
        record_failure("postgres", error)
        raise DependencyUnavailable from error


def _away(error: DBAPIError) -> bool:
    """Tell whether it is so where only asyncpg has a name for it: the server starts, recovers, or shuts down."""
    return isinstance(error.orig and error.orig.__cause__, AWAY)


class Database:
    """Sessions on one engine. A session raises `DependencyUnavailable` when the database is away.

    Use it as a context, which closes the connections.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction: committed at the end of the block, rolled back by an exception."""
        with _available():
            async with self._sessions.begin() as session:
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that changes nothing."""
        with _available():
            async with self._sessions() as session:
                await session.execute(text("SET TRANSACTION READ ONLY"))
                yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """A session that changes nothing, and in which every query sees the same moment (REPEATABLE READ)."""
        with _available():
            async with self._sessions() as session:
                await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
                yield session

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection of one's own, for locks that outlive a transaction."""
        async with self.engine.connect() as connection:
            yield connection

    async def check(self) -> None:
        """Raise when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))


class DirectConnection:
    """A connection of one's own, without SQLAlchemy between: for a path on which that would cost too much.

    One task at a time may use it. It is opened when it is needed, and again when it was lost. Whatever is asked on it
    has to be found by its key: plans that read whole tables, which a small table invites, are not made. No plan is kept
    for long: while a table is empty any of its indexes looks as good as the one that finds a single row.
    """

    def __init__(self, url: str, *, name: str, tls: bool = False) -> None:
        self._dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._arguments = _arguments(name, tls=tls, **_BY_KEY)
        self._connection: DriverConnection | None = None
        self._planned_at = 0.0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DriverConnection]:
        """A transaction, committed at the end of the block; raises `DependencyUnavailable` when the database is away.

        Whether a commit that was under way took effect is not known then; what is asked again must be harmless.
        """
        with _available():
            connection, transaction = await self._begin()
            try:
                yield connection
            except BaseException:
                await self._roll_back(connection, transaction)
                raise
            try:
                await transaction.commit()
            except BaseException:
                connection.terminate()  # nobody knows what has become of it: nothing more may be said on it
                raise

    async def _begin(self) -> "tuple[DriverConnection, asyncpg.transaction.Transaction]":
        """Begin on the open connection; on a new one when that was lost while nobody used it."""
        if self._connection is not None and not self._connection.is_closed():
            transaction = self._connection.transaction()
            try:
                await self._forget_plans(self._connection)
                await transaction.start()
            except AWAY:
                self._connection.terminate()
            except BaseException:
                self._connection.terminate()
                raise
            else:
                return self._connection, transaction
        self._connection = await asyncpg.connect(self._dsn, **self._arguments)
        self._planned_at = time.monotonic()
        transaction = self._connection.transaction()
        await transaction.start()
        return self._connection, transaction

    async def _forget_plans(self, connection: DriverConnection) -> None:
        """Have statements planned anew now and then; asyncpg goes on using them as it had prepared them."""
        now = time.monotonic()
        if now - self._planned_at > PLAN_SECONDS:
            self._planned_at = now
            await connection.execute("DISCARD PLANS")

    @staticmethod
    async def _roll_back(connection: DriverConnection, transaction: "asyncpg.transaction.Transaction") -> None:
        """Roll back; a connection on which that is not possible any more is dropped, which does the same."""
        try:
            await transaction.rollback()
        except AWAY:
            connection.terminate()
        except BaseException:
            connection.terminate()
            raise

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()


async def _write(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.state.database
    async with database.write() as session:
        yield session


async def _read(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.state.database
    async with database.read() as session:
        yield session


WriteSession = Annotated[AsyncSession, Depends(_write, scope="function")]
"""A transaction that is committed before the answer leaves."""
ReadSession = Annotated[AsyncSession, Depends(_read, scope="function")]
"""A session that changes nothing."""
