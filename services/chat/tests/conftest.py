"""Chat on real parts: each test has a database and an AWS account, each worker a Valkey; what auth and media say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI, HTTPException, Query
from pydantic import SecretStr
from starlette.responses import JSONResponse

from chat_service.blocks.repository import BlockRepository
from chat_service.blocks.service import BlockService
from chat_service.conversations.repository import ConversationRepository
from chat_service.conversations.service import InboxService
from chat_service.files.repository import MediaRepository
from chat_service.files.service import FileService
from chat_service.log.service import LiveService
from chat_service.main import create
from chat_service.settings import ChatSettings
from localcloud.provision import connect, provision
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from messenger_contracts.media import (
    AttachAnswer,
    AttachAnswers,
    AttachQuestions,
    Media,
    MediaAnswer,
    ShownAnswers,
    ShownQuestions,
)
from servicekit.aws import Aws
from servicekit.fanout import FanoutPublisher, Published, read_publication
from servicekit.http import ServiceClient
from servicekit.identity import service_signer
from servicekit.postgres import Database, create_engine
from servicekit.postgres_ledger import PostgresLedger
from servicekit.testing import PREFIX, REGION, Callers, client_of, serving
from servicekit.valkey import create_valkey

SERVICES = Path(__file__).parents[2]
NOBODY = "nobody"
THUMB = {"url": "http://files/thumb", "width": 4, "height": 3}


@pytest.fixture(scope="session")
def service_dir() -> Path:
    """Where the migrations are."""
    return SERVICES / "chat"


@pytest.fixture
def provisioned(aws_account: str, emulator_url: str) -> None:
    """What chat and the gateway own, in the test's account."""
    clients = connect(emulator_url, aws_account, "test", REGION)
    provision(clients, [SERVICES / "gateway", SERVICES / "chat"], PREFIX, account_id=aws_account)


@pytest.fixture
async def auth_url() -> AsyncIterator[str]:
    """The part of auth that chat asks: everybody exists but `nobody`."""
    app = FastAPI()

    @app.get("/internal/people")
    async def people(id: Annotated[list[str], Query()]) -> JSONResponse:  # noqa: A002 - the parameter's name
        found = [{"id": each, "username": each.removeprefix("user-")} for each in id if each != NOBODY]
        if len(id) > 1:
            return JSONResponse(found)
        return JSONResponse(found[0] if found else {}, 200 if found else 404)

    async with serving(app) as address:
        yield f"http://{address}"


class Library:
    """The part of media that chat asks, over files that a test makes up."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.media: dict[str, Media] = {}
        self.apart: set[tuple[str, str]] = set()
        self.asked: list[AttachQuestions | ShownQuestions] = []
        self.away = False
        self.answering = asyncio.Event()
        self.answering.set()
        self.app = FastAPI()
        self.app.post("/internal/media/attachments")(self.attachments)
        self.app.post("/internal/media/shown")(self.shown)

    def add(self, owner: "Person", status: str = "ready") -> str:
        """A picture of somebody's."""
        media_id = str(uuid4())
        self.owners[media_id] = owner.id
        self.turn(media_id, status)
        return media_id

    def turn(self, media_id: str, status: str) -> None:
        """Let a file have another state."""
        known = {"blurhash": "LKO2", "size": 7, "variants": {"thumb": THUMB}} if status == "ready" else {}
        self.media[media_id] = Media(id=media_id, status=status, kind="image", **known)

    def remove(self, media_id: str) -> None:
        """Delete a file."""
        del self.owners[media_id], self.media[media_id]

    def described(self, media_id: str) -> dict:
        """What a message says of a file to those who may see it."""
        return self.media[media_id].model_dump(mode="json")

    async def attachments(self, body: AttachQuestions) -> AttachAnswers:
        await self._answer(body)
        answers = []
        for each in body.questions:
            own = [media_id for media_id in each.media_ids if self._is_sendable(media_id, each.user_id)]
            refused = [media_id for media_id in each.media_ids if media_id not in own]
            answers.append(AttachAnswer(refused=refused, items=[self.media[media_id] for media_id in own]))
        return AttachAnswers(answers=answers)

    async def shown(self, body: ShownQuestions) -> ShownAnswers:
        await self._answer(body)
        return ShownAnswers(
            answers=[
                MediaAnswer(
                    items=[
                        self.media[media_id]
                        for media_id, sender in each.sent.items()
                        if self.owners.get(media_id) == sender and (sender, each.reader) not in self.apart
                    ]
                )
                for each in body.questions
            ]
        )

    def _is_sendable(self, media_id: str, user_id: str) -> bool:
        return self.owners.get(media_id) == user_id and self.media[media_id].status != "rejected"

    async def _answer(self, body: AttachQuestions | ShownQuestions) -> None:
        self.asked.append(body)
        await self.answering.wait()
        if self.away:
            raise HTTPException(503)


@pytest.fixture
def library() -> Library:
    """What there is at media."""
    return Library()


@pytest.fixture
async def media_url(library: Library) -> AsyncIterator[str]:
    """Where media answers."""
    async with serving(library.app) as address:
        yield f"http://{address}"


@pytest.fixture
async def files(settings: ChatSettings, aws: Aws) -> AsyncIterator[FileService]:
    """What asks media, for services that a test makes itself."""
    async with ServiceClient("media", settings.media_url) as media:
        service = FileService(MediaRepository(media, await service_signer(aws, settings)))
        yield service
        await service.drain()


@pytest.fixture
def settings(
    database_url: str, valkey_url: str, provisioned: None, aws_account: str, auth_url: str, media_url: str
) -> ChatSettings:
    """Settings of a chat of the test's own."""
    return ChatSettings(
        environment="test",
        resource_prefix=PREFIX,
        account_id=aws_account,
        database_url=SecretStr(database_url),
        valkey_url=valkey_url,
        auth_url=auth_url,
        media_url=media_url,
        previews=False,
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

    async def send(self, conversation: str, client_id: object, text: str = "hi", **more) -> httpx.Response:
        path = f"/v1/conversations/{conversation}/messages/{client_id}"
        return await self.request("PUT", path, json={"text": text, **more})

    async def say(self, conversation: str, text: str = "hi", **more) -> dict:
        """Send a message, whose id does not matter; gives it as it was acknowledged."""
        answer = await self.send(conversation, uuid4(), text, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def events(self, conversation: str, after: int = 0) -> list[dict]:
        """The log behind a position."""
        page = await self.get(f"/v1/conversations/{conversation}/events", after_seq=after, limit=200)
        return page.json()["items"]


@pytest.fixture
async def talk(people) -> tuple[Person, Person, str]:
    """Two people, and the conversation that one of them has begun with the other."""
    ada, bob = await people("ada", "bob")
    return ada, bob, (await ada.begin(bob)).json()["id"]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The test's database, as workers have it."""
    async with Database(create_engine(database_url, name="test")) as database:
        yield database


@pytest.fixture
async def sql(database_url: str):
    """Runs a statement in the test's database, past the service."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))

    async def run(statement: str, *values) -> list:
        return await connection.fetch(statement, *values)

    yield run
    await connection.close()


@pytest.fixture
def group_of():
    """Makes groups, of an owner and members."""

    async def make(owner: "Person", *members: "Person") -> str:
        body = {"kind": "group", "title": "We", "member_ids": [member.id for member in members]}
        answer = await owner.request("POST", "/v1/conversations", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return make


class Blocks:
    """Tells chat who blocks whom, as social-graph's events do, past the queue."""

    def __init__(self, service: BlockService) -> None:
        self._service = service
        self._versions = count(1)

    async def block(self, blocker: "Person", blocked: "Person") -> None:
        await self.take(self.event(UserBlocked, blocker, blocked))

    async def unblock(self, blocker: "Person", blocked: "Person") -> None:
        await self.take(self.event(UserUnblocked, blocker, blocked))

    async def take(self, event: Event) -> None:
        await self._service.changed(event)

    def event(self, kind: type, blocker: "Person", blocked: "Person") -> Event:
        """An event, newer than those before it."""
        version = next(self._versions)
        return Event[kind](
            id=f"social-graph:{version}",
            source="social-graph",
            type=kind.TYPE,
            time=datetime.now(UTC),
            subject=blocker.id,
            dataschema=schema_uri(kind.TYPE),
            data=kind(user_id=blocker.id, blocked_id=blocked.id, version=version),
        )


@pytest.fixture
def blocks(database: Database, valkey: Any, files: FileService) -> Blocks:
    """Who blocks whom."""
    live, inboxes = LiveService(FanoutPublisher(valkey), PREFIX, files), InboxService(ConversationRepository())
    return Blocks(BlockService(database, PostgresLedger(database), BlockRepository(), inboxes, live))


@pytest.fixture
def listening(valkey_url: str):
    """Listens on channels; gives a function that waits for the next publication about a conversation.

    It gives the channel, and what is said.
    """

    @asynccontextmanager
    async def listen(conversation: str, *channels: str):
        async with create_valkey(valkey_url) as valkey, valkey.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(*channels)

            async def heard() -> tuple[str, Published]:
                while True:
                    message = await pubsub.get_message(timeout=5)
                    assert message is not None or pubsub.subscribed
                    if message and conversation.encode() in message["channel"] + message["data"]:
                        return message["channel"].decode(), read_publication(message["data"])

            yield heard

    return listen


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
