"""The pytest plugin of the suite: real parts, and for every test a database and an AWS account of its own.

The servers come from outside (`localcloud run`, or the root `conftest.py`): here are only their addresses. A database
is cloned from a migrated template, an AWS account is a 12-digit access key of the emulator: both take milliseconds.
"""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from messenger_contracts.identity import IDENTITY_HEADER, Principal
from servicekit.aws import Aws
from servicekit.identity import IdentitySigner
from servicekit.keys import KeyRing, secret_versions
from servicekit.server import HOW_WE_SERVE
from servicekit.valkey import create_valkey

PREFIX = "messenger-test"
REGION = "us-east-1"
PATIENCE_SECONDS = 60.0


async def eventually(condition: Callable[[], Awaitable[Any]], seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        if found := await condition():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{condition} did not hold within {seconds} seconds")
        await asyncio.sleep(0.02)


@asynccontextmanager
async def client_of(app: FastAPI, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose lifespan runs, without a socket between them."""
    async with app.router.lifespan_context(app) as state:

        async def stateful(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(stateful, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            yield client


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serve an app on a free port of loopback, as in life; gives `127.0.0.1:port`."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, timeout_graceful_shutdown=5, **HOW_WE_SERVE)
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(server.serve([listener]))
    try:
        await eventually(_async(lambda: server.started or task.done()))
        if not server.started:
            raise RuntimeError("the app did not start: its log says why")
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
    if server.lifespan.should_exit:
        raise RuntimeError("the app did not end well: its log says why")


def _async(condition: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    async def check() -> Any:
        return condition()

    return check


class Callers:
    """Signed identities for tests, made with the gateway's own key. They hold as long as a test may take."""

    def __init__(self, ring: KeyRing) -> None:
        self._signer = IdentitySigner(ring, ttl_seconds=3600)

    async def headers(self, principal: Principal) -> dict[str, str]:
        """The header that proves a principal."""
        return {IDENTITY_HEADER: await self._signer.sign(principal)}

    async def user(self, name: str) -> dict[str, str]:
        """The header of a person, whose id is `user-NAME` and whose session is `session-NAME`."""
        return await self.headers(person(name))


def person(name: str) -> Principal:
    """A signed-in person, by name."""
    return Principal(user_id=f"user-{name}", username=name, session_id=f"session-{name}")


@pytest.fixture
def namespace() -> str:
    """A name that no other test has: the prefix of its keys and channels in Valkey."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture
def valkey_url() -> str:
    """The address of the Valkey of this worker of the test run."""
    return os.environ["VALKEY_URL"]


@pytest.fixture(scope="session")
def emulator_url() -> str:
    """The address of the test run's AWS emulator."""
    return os.environ["AWS_ENDPOINT_URL"]


@pytest.fixture
async def valkey(valkey_url: str) -> AsyncIterator[Any]:
    """A client of that Valkey."""
    async with create_valkey(valkey_url) as client:
        yield client


@pytest.fixture
async def absent_valkey() -> AsyncIterator[Any]:
    """A client of a Valkey that is away."""
    async with create_valkey("redis://127.0.0.1:1/0") as client:
        yield client


@pytest.fixture
def aws_account(monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty AWS account: the emulator takes a 12-digit access key as a tenant of its own."""
    account = "".join(secrets.choice("123456789") for _ in range(12))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return account


@pytest.fixture
async def aws(aws_account: str) -> AsyncIterator[Aws]:
    """Clients of the test's account."""
    async with Aws(REGION) as clients:
        yield clients


@pytest.fixture
async def callers(aws: Aws) -> Callers:
    """Signed identities. The account must hold the gateway's secrets."""
    secrets_manager = await aws.client("secretsmanager")
    ring = KeyRing(secret_versions(secrets_manager, f"{PREFIX}-gateway-identity-private"))
    return Callers(ring)


@pytest.fixture(scope="session")
def migrated_template(service_dir: Path) -> Iterator[str]:
    """A database with the service's migrations applied, once a session; tests clone it."""
    name = f"template_{service_dir.name}_{os.getpid()}"
    asyncio.run(_execute(f'CREATE DATABASE "{name}"'))
    variable = f"{service_dir.name.upper().replace('-', '_')}_DATABASE_URL"
    environment = {**os.environ, variable: _url(name)}
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    subprocess.run(command, cwd=service_dir, env=environment, check=True, capture_output=True)  # noqa: S603 - our own
    yield name
    asyncio.run(_execute(f'DROP DATABASE "{name}" WITH (FORCE)'))


@asynccontextmanager
async def database_from(template: str) -> AsyncIterator[str]:
    """Clone a template into a database that lasts as long as the block; gives its URL."""
    name = f"t_{secrets.token_hex(8)}"
    await _execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    try:
        yield _url(name)
    finally:
        await _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database_url(migrated_template: str) -> AsyncIterator[str]:
    """A migrated database of the test's own. The service's conftest gives `service_dir`."""
    async with database_from(migrated_template) as url:
        yield url


def _url(database: str) -> str:
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    return f"{server}/{database}".replace("postgresql://", "postgresql+asyncpg://")


async def _execute(statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(os.environ["DATABASE_URL"].replace("postgresql+asyncpg://", "postgresql://"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
