"""Who gets in, and how a worker's loops live."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from messenger_contracts.identity import IDENTITY_HEADER, anonymous, service
from servicekit.app import create_worker
from servicekit.identity import CallingService, CurrentUser, SignedPrincipal
from servicekit.loops import Loop
from servicekit.testing import Callers, client_of, eventually

MakeApp = Callable[..., FastAPI]


def _router() -> APIRouter:
    router = APIRouter()

    @router.get("/unguarded")
    async def unguarded() -> str:
        return "in"

    @router.get("/anyone")
    async def anyone(caller: SignedPrincipal) -> str:
        return caller.kind

    @router.get("/person")
    async def person(caller: CurrentUser) -> str:
        return caller.user_id

    @router.get("/service")
    async def for_services(caller: CallingService) -> str:
        return caller.user_id

    return router


@pytest.fixture
async def client(make_app: MakeApp) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(_router(), internal=[_router()])) as client:
        yield client


@pytest.mark.parametrize("path", ["/unguarded", "/anyone", "/person", "/service", "/internal/unguarded"])
async def test_a_request_without_identity_is_refused_everywhere(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_forged_identity_is_refused(client: httpx.AsyncClient, local_callers: Callers) -> None:
    headers = await local_callers.user("ann")
    forged = headers[IDENTITY_HEADER][:-8] + "AAAAAAAA"

    answer = await client.get("/anyone", headers={IDENTITY_HEADER: forged})

    assert answer.status_code == 401


async def test_a_person_gets_in(client: httpx.AsyncClient, local_callers: Callers) -> None:
    answer = await client.get("/person", headers=await local_callers.user("ann"))

    assert answer.json() == "user-ann"


async def test_somebody_not_signed_in_gets_where_anyone_may_go(
    client: httpx.AsyncClient, local_callers: Callers
) -> None:
    headers = await local_callers.headers(anonymous())

    assert (await client.get("/anyone", headers=headers)).json() == "anonymous"
    assert (await client.get("/person", headers=headers)).status_code == 401


async def test_what_is_for_services_is_not_for_people(client: httpx.AsyncClient, local_callers: Callers) -> None:
    person = await client.get("/service", headers=await local_callers.user("ann"))
    peer = await client.get("/service", headers=await local_callers.headers(service("chat")))

    assert (person.status_code, person.json()["code"]) == (403, "forbidden")
    assert peer.json() == "chat"


def _worker(**running: Loop) -> FastAPI:
    @asynccontextmanager
    async def loops(app: FastAPI) -> AsyncIterator[Mapping[str, Loop]]:
        yield running

    return create_worker(title="Tiny worker", loops=loops)


async def test_a_loop_that_fails_is_started_again_and_meanwhile_the_worker_is_not_ready() -> None:
    started: list[int] = []
    both_seen = asyncio.Event()

    async def loop(stopping: asyncio.Event) -> None:
        started.append(1)
        if len(started) == 1:
            raise OSError("no such host")
        both_seen.set()
        await stopping.wait()

    async with client_of(_worker(reader=loop)) as client:

        async def unready() -> bool:
            answer = await client.get("/readyz")
            return answer.status_code == 503 and "no such host" in answer.json()["failing"]["reader"]

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        assert await eventually(unready)
        await both_seen.wait()
        assert await eventually(ready)


async def test_loops_end_when_the_worker_does() -> None:
    begun: asyncio.Queue[None] = asyncio.Queue()
    ended: list[str] = []

    async def loop(stopping: asyncio.Event) -> None:
        begun.put_nowait(None)
        await stopping.wait()
        ended.append("well")

    async with client_of(_worker(one=loop, two=loop)):
        await begun.get()
        await begun.get()

    assert ended == ["well", "well"]
