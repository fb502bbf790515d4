"""Media on real parts: an AWS account of the test's own with what the service declares, and people of its own.

Nobody processes files here: `show` does what the worker does when it has looked at one, and nothing else.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from localcloud.provision import connect, provision
from media_service.deliveries.service import DeliveryService
from media_service.dependencies import (
    Services,
    Stores,
    make_services,
    open_announcements,
    open_signer,
    open_stores,
)
from media_service.files.domain import variant_key
from media_service.files.models import Facts, StoredVariant
from media_service.main import create
from media_service.settings import MediaSettings
from servicekit.aws import Aws
from servicekit.testing import PREFIX, REGION, Callers, client_of

SERVICES = Path(__file__).parents[2]
CONTENT = b"what a picture is made of"

Show = Callable[..., Awaitable[None]]


@pytest.fixture
def provisioned(aws_account: str, emulator_url: str) -> None:
    """What media owns, and those who ask it, in the test's account."""
    clients = connect(emulator_url, aws_account, "test", REGION)
    provision(clients, [SERVICES / "gateway", SERVICES / "chat", SERVICES / "media"], PREFIX, account_id=aws_account)


@pytest.fixture
def changes() -> Mapping[str, Any]:
    """Settings that differ from the defaults; a test may give others by `parametrize`."""
    return {}


@pytest.fixture
def settings(provisioned: None, aws_account: str, valkey_url: str, changes: Mapping[str, Any]) -> MediaSettings:
    """Settings of a media service of the test's own."""
    return MediaSettings(
        environment="test",
        resource_prefix=PREFIX,
        account_id=aws_account,
        valkey_url=valkey_url,
        retry_seconds=(0,),
        **changes,
    )


@pytest.fixture
async def stores(aws: Aws, settings: MediaSettings) -> Stores:
    """The tables and the bucket of the test's account."""
    return await open_stores(settings, aws)


@pytest.fixture
async def services(aws: Aws, settings: MediaSettings, stores: Stores) -> AsyncIterator[Services]:
    """What API and worker both use."""
    deliveries = DeliveryService(await open_signer(settings, aws), settings.url_window_seconds)
    async with open_announcements(settings, deliveries) as announcements:
        yield make_services(settings, stores, announcements)


@pytest.fixture
def app(settings: MediaSettings) -> FastAPI:
    """The API."""
    return create(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API that signs nothing."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def s3() -> AsyncIterator[httpx.AsyncClient]:
    """A client that knows URLs and nothing else."""
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@dataclass
class Person:
    """A person who asks the API; the id is `user-` and the name."""

    name: str
    client: httpx.AsyncClient
    headers: Mapping[str, str]

    @property
    def id(self) -> str:
        return f"user-{self.name}"

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.client.request(method, f"/v1/{path}", json=body, headers={**self.headers, **headers})

    async def announce(self, content: bytes = CONTENT, **changes: Any) -> httpx.Response:
        """Announce an upload."""
        wish = {"filename": "a.png", "content_type": "image/png", "size": len(content), "purpose": "library"}
        return await self.ask("POST", "uploads", wish | changes)

    async def upload(self, s3: httpx.AsyncClient, content: bytes = CONTENT, **changes: Any) -> str:
        """Upload a file in one piece, and say so; gives its id."""
        announced = (await self.announce(content, **changes)).json()
        request = announced["upload"]
        sent = await s3.request(request["method"], request["url"], content=content, headers=request["headers"])
        assert sent.status_code == 200, sent.text
        completed = await self.ask("POST", f"uploads/{announced['media_id']}/complete")
        assert completed.status_code == 202, completed.text
        return announced["media_id"]


MakePerson = Callable[[str], Awaitable[Person]]


@pytest.fixture
def person(client: httpx.AsyncClient, callers: Callers) -> MakePerson:
    """Makes people who ask the API."""

    async def make(name: str) -> Person:
        return Person(name, client, await callers.user(name))

    return make


@pytest.fixture
async def alice(person: MakePerson) -> Person:
    return await person("alice")


@pytest.fixture
async def bob(person: MakePerson) -> Person:
    return await person("bob")


def facts_of(media_id: str, content: bytes = CONTENT, **changes: Any) -> Facts:
    """What might be found out about a picture."""
    key = variant_key(media_id, "thumb", "webp")
    thumb = StoredVariant(key=key, content_type="image/webp", size=len(content), width=40, height=30)
    found = {"kind": "image", "content_type": "image/png", "width": 400, "height": 300, "variants": {"thumb": thumb}}
    return Facts(sha256=hashlib.sha256(content).hexdigest(), **(found | changes))


@pytest.fixture
def show(services: Services, stores: Stores) -> Show:
    """Bring an uploaded file to its end, as a worker does that found no fault with it."""

    async def end(media_id: str, content: bytes = CONTENT, **changes: Any) -> None:
        assert await services.states.begin(media_id)
        facts = facts_of(media_id, content, **changes)
        for variant in facts.variants.values():
            await stores.objects.write(variant.key, content, variant.content_type)
        assert await services.states.ready(media_id, facts)

    return end


@pytest.fixture
def shown(s3: httpx.AsyncClient, show: Show) -> Callable[..., Awaitable[str]]:
    """Upload a file of a person's and have it shown; gives its id."""

    async def make(owner: Person, content: bytes = CONTENT, **changes: Any) -> str:
        media_id = await owner.upload(s3, content, **changes)
        await show(media_id, content)
        return media_id

    return make
