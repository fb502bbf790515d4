"""Chat on real parts: a database, an AWS account and a namespace in Valkey for each test, and auth's one answer."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import JSONResponse

from chat_service.main import create
from chat_service.settings import ChatSettings
from localcloud.provision import connect, provision
from servicekit.testing import PREFIX, REGION, Callers, client_of, serving

SERVICES = Path(__file__).parents[2]
NOBODY = "nobody"


@pytest.fixture(scope="session")
def service_dir() -> Path:
    """Where the migrations are."""
    return SERVICES / "chat"


@pytest.fixture
def provisioned(aws_account: str) -> None:
    """What chat and the gateway own, in the test's account."""
    clients = connect(os.environ["AWS_ENDPOINT_URL"], aws_account, "test", REGION)
    provision(clients, [SERVICES / "gateway", SERVICES / "chat"], PREFIX, account_id=aws_account)


@pytest.fixture
async def auth_url() -> AsyncIterator[str]:
    """The part of auth that chat asks: everybody exists but `nobody`."""
    app = FastAPI()

    @app.get("/internal/people")
    async def person(id: str) -> JSONResponse:  # noqa: A002 - the parameter's name
        if id == NOBODY:
            return JSONResponse({}, 404)
        return JSONResponse({"id": id, "username": id.removeprefix("user-")})

    async with serving(app) as address:
        yield f"http://{address}"


@pytest.fixture
def settings(database_url: str, valkey_url: str, provisioned: None, aws_account: str, auth_url: str) -> ChatSettings:
    """Settings of a chat of the test's own."""
    return ChatSettings(
        environment="test",
        resource_prefix=PREFIX,
        account_id=aws_account,
        database_url=SecretStr(database_url),
        valkey_url=valkey_url,
        auth_url=auth_url,
    )


@pytest.fixture
def app(settings: ChatSettings) -> FastAPI:
    """Chat's API."""
    return create(settings)


class Person:
    """A client of chat, signed as one person."""

    def __init__(self, name: str, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.id = f"user-{name}"
        self.name = name
        self.client = client
        self.headers = headers

    async def request(self, method: str, path: str, **options) -> httpx.Response:
        return await self.client.request(method, path, headers=self.headers, **options)

    async def get(self, path: str, **params) -> httpx.Response:
        return await self.request("GET", path, params=params or None)

    async def begin(self, peer: "Person | str") -> httpx.Response:
        member = peer if isinstance(peer, str) else peer.id
        return await self.request("POST", "/v1/conversations", json={"kind": "direct", "member_ids": [member]})

    async def send(self, conversation: str, client_id: object, text: str = "hi") -> httpx.Response:
        path = f"/v1/conversations/{conversation}/messages/{client_id}"
        return await self.request("PUT", path, json={"text": text})


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, unsigned."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
def people(client: httpx.AsyncClient, callers: Callers):
    """Makes people who talk."""

    async def make(*names: str) -> list[Person]:
        return [Person(name, client, await callers.user(name)) for name in names]

    return make
