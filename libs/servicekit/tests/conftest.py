"""A small service for tests, and keys that need no AWS."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, FastAPI
from pydantic_settings import SettingsConfigDict
from pyseto import Key
from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from localcloud.provision import connect, provision
from servicekit.app import create_app
from servicekit.identity import IdentityVerifier
from servicekit.keys import KeyRing
from servicekit.outbox import BELOW_RUNNING, OutboxColumns, OutboxPosition, OutboxRecord, RelayPositionColumns
from servicekit.postgres import Database, create_engine
from servicekit.settings import ServiceSettings
from servicekit.testing import PREFIX, REGION, Callers, database_from
from servicekit.testing_events import happening


class TinySettings(ServiceSettings):
    """Settings of a service that exists in tests only."""

    SERVICE: ClassVar[str] = "tiny"
    model_config = SettingsConfigDict(env_prefix="TINY_", extra="ignore", frozen=True)


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    """A private and a public Ed25519 key as PASERK."""
    private = Ed25519PrivateKey.generate()
    private_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Key.new(4, "public", private_pem).to_paserk(), Key.new(4, "public", public_pem).to_paserk()


def _ring(paserk: str) -> KeyRing:
    async def load() -> Sequence[str]:
        return [paserk]

    return KeyRing(load)


@pytest.fixture
def local_callers(key_pair: tuple[str, str]) -> Callers:
    """Signed identities that the apps of `make_app` accept."""
    return Callers(_ring(key_pair[0]))


@pytest.fixture
def make_app(key_pair: tuple[str, str]) -> Callable[..., FastAPI]:
    """Build an app as services do, from routers and the state that they need."""

    def make(
        *routers: APIRouter, state: Mapping[str, Any] | None = None, internal: Sequence[APIRouter] = (), **settings: Any
    ) -> FastAPI:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
            yield {"identity": IdentityVerifier(_ring(key_pair[1])), **(state or {})}

        tiny = TinySettings(environment="test", **settings)
        return create_app(tiny, title="Tiny", lifespan=lifespan, routers=routers, internal=internal)

    return make


@pytest.fixture
def declare(aws_account: str, emulator_url: str, tmp_path: Path) -> Callable[..., None]:
    """Create what a service named `probe` would own, from what its `infra/*.json` would say."""

    def create(**declared: Any) -> None:
        infra = tmp_path / "probe" / "infra"
        infra.mkdir(parents=True)
        for name, content in declared.items():
            (infra / f"{name}.json").write_text(json.dumps(content))
        clients = connect(emulator_url, aws_account, "test", REGION)
        provision(clients, [infra.parent], PREFIX, account_id=aws_account)

    return create


@pytest.fixture
async def empty_database_url() -> AsyncIterator[str]:
    """A database with nothing in it."""
    async with database_from("template1") as url:
        yield url


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
        return [OutboxRecord(OutboxPosition(row.xid, row.position), happening(row.id)) for row in rows]


@pytest.fixture
async def outbox_database(empty_database_url: str) -> AsyncIterator[Database]:
    """A database in which happenings are written."""
    async with Database(create_engine(empty_database_url, name="test", pool_size=20)) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield database


@pytest.fixture
def happenings() -> Happenings:
    """What a relay of that database publishes."""
    return Happenings()
