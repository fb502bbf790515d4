"""What a request with an `Idempotency-Key` does, and what it answers, the first time and again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel
from sqlalchemy import LargeBinary, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase

from messenger_contracts.shapes import Shape
from servicekit.errors import Conflict
from servicekit.idempotency import Answer, CurrentAttempt
from servicekit.postgres import Database, create_engine
from servicekit.postgres_idempotency import IdempotencyKeyColumns, PostgresIdempotency
from servicekit.testing import Callers, client_of

KEY = {"Idempotency-Key": "order 1"}


class Base(DeclarativeBase):
    type_annotation_map = {bytes: LargeBinary, datetime: TIMESTAMP(timezone=True)}


class KeyRow(IdempotencyKeyColumns, Base):
    __tablename__ = "idempotency_keys"


class Order(BaseModel):
    name: str


class Ordered(Shape):
    number: int
    name: str


class Shop:
    """Takes orders; one named `slow` waits until the test lets it go, with its transaction open."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()

    async def order(self, attempt: CurrentAttempt, name: str) -> Answer[Ordered]:
        async with self.database.write() as session:

            async def make() -> Answer[Ordered]:
                number = await session.scalar(text("INSERT INTO orders DEFAULT VALUES RETURNING number"))
                if name == "slow":
                    self.begun.set()
                    await self.let_go.wait()
                if name == "impossible":
                    raise Conflict
                return Answer(Ordered(number=number, name=name))

            return await PostgresIdempotency().once(session, attempt, Ordered, make)

    async def count(self) -> int:
        async with self.database.read() as session:
            return int(await session.scalar(text("SELECT count(*) FROM orders")) or 0)


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    engine = create_async_engine(empty_database_url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(text("CREATE TABLE orders (number int GENERATED ALWAYS AS IDENTITY)"))
    await engine.dispose()
    async with Database(create_engine(empty_database_url, name="test")) as database:
        yield database


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


@pytest.fixture
def app(make_app: Callable[..., FastAPI], shop: Shop) -> FastAPI:
    router = APIRouter()

    @router.post("/orders", status_code=201)
    @router.post("/other-orders", status_code=201)
    async def order(body: Order, attempt: CurrentAttempt, request: Request, response: Response) -> Ordered:
        answer = await request.state.shop.order(attempt, body.name)
        return answer.give(response)

    return make_app(router, state={"shop": shop})


@pytest.fixture
async def client(app: FastAPI, local_callers: Callers) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, **await local_callers.user("ann")) as client:
        yield client


async def test_the_same_request_again_is_answered_again(client: httpx.AsyncClient, shop: Shop) -> None:
    first = await client.post("/orders", json={"name": "tea"}, headers=KEY)
    again = await client.post("/orders", json={"name": "tea"}, headers=KEY)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, {"number": 1, "name": "tea"})
    assert "idempotency-replay" not in first.headers
    assert again.headers["idempotency-replay"] == "true"
    assert await shop.count() == 1


async def test_without_a_key_each_request_stands_for_itself(client: httpx.AsyncClient, shop: Shop) -> None:
    for _ in range(2):
        await client.post("/orders", json={"name": "tea"})
    assert await shop.count() == 2


@pytest.mark.parametrize(("path", "name"), [("/orders", "milk"), ("/other-orders", "tea"), ("/orders?x=1", "tea")])
async def test_a_key_of_another_request_is_refused(client: httpx.AsyncClient, shop: Shop, path: str, name: str) -> None:
    await client.post("/orders", json={"name": "tea"}, headers=KEY)
    other = await client.post(path, json={"name": name}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert await shop.count() == 1


async def test_a_key_is_its_callers_own(client: httpx.AsyncClient, shop: Shop, local_callers: Callers) -> None:
    await client.post("/orders", json={"name": "tea"}, headers=KEY)
    other = await client.post("/orders", json={"name": "milk"}, headers=KEY | await local_callers.user("bob"))
    assert other.status_code == 201
    assert await shop.count() == 2


async def test_a_second_request_does_not_wait_for_the_first(client: httpx.AsyncClient, shop: Shop) -> None:
    first = asyncio.create_task(client.post("/orders", json={"name": "slow"}, headers=KEY))
    await shop.begun.wait()
    second = await client.post("/orders", json={"name": "slow"}, headers=KEY)
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
    assert second.json()["retryable"]
    assert second.headers["retry-after"] == "1"
    shop.let_go.set()
    assert (await first).status_code == 201
    assert (await client.post("/orders", json={"name": "slow"}, headers=KEY)).json() == (await first).json()
    assert await shop.count() == 1


async def test_of_many_at_once_one_takes_effect(client: httpx.AsyncClient, shop: Shop) -> None:
    answers = await asyncio.gather(*(client.post("/orders", json={"name": "tea"}, headers=KEY) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["number"] for answer in answers if answer.status_code == 201} == {1}
    assert await shop.count() == 1


async def test_a_refusal_keeps_nothing(client: httpx.AsyncClient, shop: Shop) -> None:
    for _ in range(2):
        refused = await client.post("/orders", json={"name": "impossible"}, headers=KEY)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert await shop.count() == 0
    assert (await client.post("/orders", json={"name": "tea"}, headers=KEY)).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "caf\xe9", "a\tb"])
async def test_a_key_is_short_and_printable(client: httpx.AsyncClient, shop: Shop, key: str) -> None:
    answer = await client.post("/orders", json={"name": "tea"}, headers={"Idempotency-Key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "header/idempotency-key")
    assert await shop.count() == 0


async def _age(database: Database, hours: int) -> None:
    async with database.write() as session:
        statement = text("UPDATE idempotency_keys SET at = at - make_interval(hours => :hours)")
        await session.execute(statement, {"hours": hours})


async def test_a_key_can_be_used_anew_after_a_day(client: httpx.AsyncClient, shop: Shop) -> None:
    await client.post("/orders", json={"name": "tea"}, headers=KEY)
    await _age(shop.database, 24)
    anew = await client.post("/orders", json={"name": "milk"}, headers=KEY)
    assert (anew.status_code, anew.json()["number"]) == (201, 2)
    assert (await client.post("/orders", json={"name": "milk"}, headers=KEY)).headers["idempotency-replay"] == "true"


async def test_old_answers_are_purged_and_young_ones_stay(client: httpx.AsyncClient, shop: Shop) -> None:
    await client.post("/orders", json={"name": "tea"}, headers={"Idempotency-Key": "old"})
    await _age(shop.database, 24)
    await client.post("/orders", json={"name": "tea"}, headers={"Idempotency-Key": "young"})

    assert not await PostgresIdempotency.purge(shop.database)
    async with shop.database.read() as session:
        assert (await session.scalars(text("SELECT key FROM idempotency_keys"))).all() == ["young"]
