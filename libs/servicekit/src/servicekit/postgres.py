"""PostgreSQL: the engine, and the only two ways to a session.

`WriteSession` commits after the answer was serialized and before it is sent, so that a failed commit is an error
that the caller sees (FastAPI ≥ 0.121, `scope="function"`). Nobody else commits. A socket or a worker opens one per
command.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from servicekit.errors import DependencyUnavailable
from servicekit.telemetry import record_failure, records_traces

Session = AsyncSession
Connection = AsyncConnection
"""What a service's code calls a session and a connection, where it only passes them on."""

APPLICATION_PARAMETERS = {"jit": "off", "idle_in_transaction_session_timeout": "60000"}


def create_engine(url: str, *, name: str, pool_size: int = 10, tls: bool = False, **options: Any) -> AsyncEngine:
    """An engine on asyncpg. `tls` demands a verified certificate; `?sslmode=` in the URL would not work here."""
    arguments: dict[str, Any] = {"server_settings": {"application_name": name, **APPLICATION_PARAMETERS}, "timeout": 5}
    if tls:
        arguments["ssl"] = ssl.create_default_context()
    engine = create_async_engine(
        url, pool_size=pool_size, max_overflow=0, pool_pre_ping=True, pool_timeout=5, connect_args=arguments, **options
    )
    if records_traces():
        # It declares SQLAlchemy < 2.1 and would silently do nothing, though it works.
        SQLAlchemyInstrumentor().instrument(engine=engine.sync_engine, skip_dep_check=True)
    return engine


@contextmanager
def _available() -> Iterator[None]:
    """Turn a database that cannot be reached, or went away in the middle, into `DependencyUnavailable`.

    Whether a commit that was under way took effect is not known then; what is asked again must be harmless.
    """
    try:
        yield
    except DBAPIError as error:
        if not (error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)):
            raise
        record_failure("postgres", error)
        raise DependencyUnavailable from error
    except (OSError, PoolTimeoutError) as error:
        record_failure("postgres", error)
        raise DependencyUnavailable from error


class Database:
    """Sessions on one engine. A session raises `DependencyUnavailable` when the database is away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

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
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection of one's own, for locks that outlive a transaction."""
        async with self.engine.connect() as connection:
            yield connection

    async def check(self) -> None:
        """Raise when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close the connections."""
        await self.engine.dispose()


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
