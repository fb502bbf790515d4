"""The whole suite, and the people who use it: signed up once, because the gateway limits how often one may."""

import asyncio
import gzip
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from PIL import Image

from localcloud.ephemeral import VARIABLES
from localcloud.processes import Program, answers, free_port, spawn, stop
from localcloud.provision import variable_prefix
from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.client import Client
from messengerctl.mailbox import await_code
from messengerctl.people import Person
from messengerctl.suite import Suite, until
from servicekit.testing import eventually

HERE = Path(__file__).parent
FRESH_SECONDS = 300.0
"""Longer than a test takes, and than a client leaves its tokens before it asks for others by itself."""
Beside = Callable[..., AbstractContextManager[tuple[str, subprocess.Popen]]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that is in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    """The suite beside which `make e2e` runs this, or one of its own."""
    if given := os.environ.get("MESSENGER_STATE"):
        yield Suite(Path(given))
        return
    with own_suite() as own:
        yield own


@contextmanager
def own_suite(**variables: str) -> Iterator[Suite]:
    """A suite that ends with the block; all its processes are told the variables too."""
    hold = ["sh", "-c", 'echo "state $MESSENGER_STATE"; exec cat']
    command = [sys.executable, "-m", "localcloud", "run", "--suite", "--", *hold]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    given = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    with subprocess.Popen(command, env={**given, **variables}, **pipes) as process:
        path = next((line for line in process.stdout if line.startswith("state ")), None)
        assert path, "the suite did not come up"
        yield Suite(Path(path.removeprefix("state ").strip()))
        process.stdin.close()


@contextmanager
def one_more(suite: Suite, folder: Path, service: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """One more process of a service, until the end of the block: its address, and the process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = Program(
        name=f"{service} {port}",
        argv=(sys.executable, "-m", f"{service}_service.main"),
        cwd=folder,
        log=folder / f"{service}-{port}.log",
        ready=lambda: answers(f"{url}/readyz"),
        env={**suite.state.services[service].environment, f"{service.upper()}_PORT": str(port), **environment},
    )
    process = spawn(program)
    try:
        asyncio.run(until(program.ready, f"{program.name} is not ready"))
        yield url, process
    finally:
        stop(program, process)


@pytest.fixture(scope="session")
def beside(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Beside:
    """Runs one more process of a service beside the suite for a block, with settings of its own."""
    return partial(one_more, suite, tmp_path_factory.mktemp("beside"))


@pytest.fixture(scope="session")
def elsewhere(beside: Beside) -> Iterator[str]:
    """The address of a second gateway, before a second chat."""
    with beside("chat") as (chat, _), beside("gateway", GATEWAY_CHAT_URL=chat) as (gateway, _):
        yield gateway


@pytest.fixture(scope="session")
def collector() -> Iterator["Collector"]:
    """What traces and metrics are sent to."""
    with Collector() as listening:
        yield listening


@pytest.fixture(scope="session")
def watched(collector: "Collector") -> Iterator[Suite]:
    """A suite that writes all it can, and holds its keys for five seconds only."""
    told = {"LOG_LEVEL": "DEBUG", "TRACE_RATIO": "1", "OTLP_ENDPOINT": collector.url, "KEY_SECONDS": "5"}
    services = [path.parent.name for path in HERE.parents[1].glob("services/*/pyproject.toml")]
    with own_suite(
        **{f"{variable_prefix(each)}{name}": value for each in services for name, value in told.items()}
    ) as own:
        yield own


class Collector:
    """An OTLP collector that keeps what it is sent, as it came."""

    def __init__(self) -> None:
        kept = self.received = bytearray()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept.extend(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Write nothing to the test's own output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Collector":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def new_person(suite: Suite) -> Person:
    """Somebody who just signed up."""
    return asyncio.run(sign_up(suite.gateway, Wishes(), partial(await_code, suite)))


@pytest.fixture(scope="session")
def newcomer(suite: Suite) -> Callable[[], Person]:
    """Makes people who just signed up."""
    return partial(new_person, suite)


@pytest.fixture(scope="session")
def residents(suite: Suite) -> Callable[[str], Person]:
    """Finds people who are there for the whole run. However long that takes, their tokens are good for minutes more."""
    known: dict[str, Person] = {}

    def find(name: str) -> Person:
        if name not in known:
            known[name] = new_person(suite)
        if known[name].expires_at < time.time() + FRESH_SECONDS:
            asyncio.run(_renew(known[name]))
        return known[name]

    return find


async def _renew(person: Person) -> None:
    async with client_of(person) as client:
        await client.refresh()
        assert client.tokens
        person.access_token, person.refresh_token = client.tokens.access_token, client.tokens.refresh_token
        person.expires_at = client.tokens.expires_at


@pytest.fixture
def ada(residents: Callable[[str], Person]) -> Person:
    """Somebody who signed up."""
    return residents("ada")


@pytest.fixture
def bob(residents: Callable[[str], Person]) -> Person:
    """Somebody else."""
    return residents("bob")


@pytest.fixture
def carol(residents: Callable[[str], Person]) -> Person:
    """Somebody who has nothing to do with the other two."""
    return residents("carol")


@pytest.fixture
def stranger(suite: Suite) -> Person:
    """Somebody new for one test."""
    return new_person(suite)


@pytest.fixture
def short_lived(suite: Suite) -> Iterator[Person]:
    """Somebody whose access token expires in a few seconds."""
    cognito = suite.aws("cognito-idp")
    resources = suite.state.resources
    ids = {"UserPoolId": resources["user_pool.id"], "ClientId": resources["user_pool.client_id"]}
    kept = cognito.describe_user_pool_client(**ids)["UserPoolClient"]
    updatable = cognito.meta.service_model.operation_model("UpdateUserPoolClient").input_shape.members
    settings = {name: value for name, value in kept.items() if name in updatable and value}
    units = {**kept.get("TokenValidityUnits", {}), "AccessToken": "seconds"}
    cognito.update_user_pool_client(**{**settings, "AccessTokenValidity": 5, "TokenValidityUnits": units})
    try:
        yield new_person(suite)
    finally:
        cognito.update_user_pool_client(**settings)


@pytest.fixture
async def clients() -> AsyncIterator["Clients"]:
    """Clients that are closed at the end of the test."""
    async with AsyncExitStack() as exits:
        yield Clients(exits)


@pytest.fixture
async def pictures() -> AsyncIterator["Pictures"]:
    """Pictures, and what sends them to S3."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as s3:
        yield Pictures(s3)


class Pictures:
    """Makes and uploads pictures; `s3` knows URLs and nothing else."""

    def __init__(self, s3: httpx.AsyncClient) -> None:
        self.s3 = s3

    @staticmethod
    def make(colour: str = "teal") -> bytes:
        """A PNG of one colour."""
        out = io.BytesIO()
        Image.new("RGB", (64, 48), colour).save(out, "PNG")
        return out.getvalue()

    async def upload(self, client: Client, content: bytes, **changes: str) -> str:
        """Have somebody upload a picture; its id, when it is shown."""
        wish = {"filename": "a.png", "content_type": "image/png", "size": len(content), "purpose": "message"}
        announced = (await client.request("POST", "/v1/uploads", json=wish | changes)).json()
        request = announced["upload"]
        sent = await self.s3.request(request["method"], request["url"], content=content, headers=request["headers"])
        assert sent.status_code == 200, sent.text

        async def shown() -> bool:
            answer = await client.request("GET", f"/v1/media/{announced['media_id']}")
            return bool(answer.json()["status"] == "ready")

        await eventually(shown, 60)
        return str(announced["media_id"])


class Clients:
    """Makes clients."""

    def __init__(self, exits: AsyncExitStack) -> None:
        self._exits = exits

    async def of(self, person: Person) -> Client:
        """A client that speaks as somebody."""
        return await self._exits.enter_async_context(client_of(person))
