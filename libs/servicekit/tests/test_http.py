"""Calls between services: what is tried again, what is cut off, and what is sent along."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from messenger_contracts.identity import IDENTITY_HEADER
from servicekit.errors import DependencyUnavailable
from servicekit.http import ATTEMPTS, Breaker, ServiceClient
from servicekit.telemetry import Tracing
from servicekit.testing import serving

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE"]


@dataclass
class Peer:
    """A service that answers with the statuses it was given, the last one for ever."""

    statuses: list[int]
    requests: list[Request] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        self.requests.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Response(status_code=status)


@asynccontextmanager
async def _client(endpoint: Callable[[Request], object], seconds: float = 5.0) -> AsyncIterator[ServiceClient]:
    app = Starlette(routes=[Route("/things", endpoint, methods=METHODS)])
    async with (
        serving(app) as address,  # type: ignore[arg-type]
        ServiceClient("peer", f"http://{address}", timeout=seconds) as client,
    ):
        yield client


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_idempotent_call_is_tried_again(method: str) -> None:
    peer = Peer([503, 502, 200])

    async with _client(peer.answer) as client:
        answer = await client.request(method, "/things", "signed")

    assert answer.status_code == 200
    assert len(peer.requests) == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_another_call_is_tried_once(method: str) -> None:
    peer = Peer([503, 200])

    async with _client(peer.answer) as client:
        with pytest.raises(DependencyUnavailable):
            await client.request(method, "/things", "signed")

    assert len(peer.requests) == 1


async def test_the_caller_may_declare_a_call_harmless() -> None:
    peer = Peer([503, 200])

    async with _client(peer.answer) as client:
        answer = await client.request("POST", "/things", "signed", retry=True)

    assert answer.status_code == 200


async def test_trying_ends() -> None:
    peer = Peer([503])

    async with _client(peer.answer) as client:
        with pytest.raises(DependencyUnavailable):
            await client.request("GET", "/things", "signed")

    assert len(peer.requests) == ATTEMPTS


async def test_a_call_that_goes_well_leaves_nothing_to_the_collector() -> None:
    """What it must find holds everybody up while it looks: the rest is gone when the call is over."""
    calls = 20

    async def answer(_: Request) -> Response:
        return Response()

    async with _client(answer) as client:
        await client.request("GET", "/things", "signed")
        gc.collect()
        for _ in range(calls):
            await client.request("GET", "/things", "signed")
        assert gc.collect() < calls


@pytest.mark.parametrize("status", [200, 204, 304, 400, 404, 409, 422, 429, 500])
async def test_an_answer_of_the_service_is_an_answer(status: int) -> None:
    peer = Peer([status])

    async with _client(peer.answer) as client:
        answer = await client.request("GET", "/things", "signed")

    assert answer.status_code == status
    assert len(peer.requests) == 1


async def test_nobody_there_is_a_503() -> None:
    async with ServiceClient("peer", "http://127.0.0.1:1") as client:
        with pytest.raises(DependencyUnavailable) as refused:
            await client.request("GET", "/things", "signed")

    assert refused.value.code.status == 503
    assert refused.value.headers == {"Retry-After": "1"}


async def test_a_call_is_bounded_in_time() -> None:
    released = asyncio.Event()

    async def hang(request: Request) -> Response:
        await released.wait()
        return Response()

    async with _client(hang, seconds=0.05) as client:
        with pytest.raises(DependencyUnavailable):
            await client.request("POST", "/things", "signed")
        released.set()


async def test_identity_and_trace_are_sent_along() -> None:
    peer = Peer([200])

    async with _client(peer.answer) as client:
        with Tracing(0.0).work("test", f"00-{TRACE_ID}-b7ad6b7169203331-00"):
            await client.request("GET", "/things", "signed", headers={"if-match": '"1"'})

    (request,) = peer.requests
    assert request.headers[IDENTITY_HEADER] == "signed"
    assert request.headers["traceparent"].split("-")[1] == TRACE_ID
    assert request.headers["if-match"] == '"1"'


@pytest.mark.parametrize("path", ["/things/a%2Fb", "/things/a b", "/things/..", "/things/é?x#y", "/things/%"])
async def test_a_path_arrives_as_it_was_read(path: str) -> None:
    seen: list[Request] = []

    async def answer(request: Request) -> Response:
        seen.append(request)
        return Response()

    app = Starlette(routes=[Route("/{rest:path}", answer)])
    async with (
        serving(app) as address,  # type: ignore[arg-type]
        ServiceClient("peer", f"http://{address}") as client,
    ):
        await client.request("GET", path, "signed", params=b"a=%20b&a=2")

    assert (seen[0].scope["path"], seen[0].scope["query_string"]) == (path, b"a=%20b&a=2")


async def test_what_one_answer_sets_the_next_call_does_not_send() -> None:
    seen: list[Request] = []

    async def answer(request: Request) -> Response:
        seen.append(request)
        return Response(headers={"Set-Cookie": "a=1; Path=/"})

    async with _client(answer) as client:
        await client.request("GET", "/things", "signed")
        await client.request("GET", "/things", "signed")

    assert "cookie" not in seen[1].headers


async def test_a_redirection_is_an_answer_and_its_headers_are_in_lower_case() -> None:
    async def answer(request: Request) -> Response:
        return Response(status_code=303, headers={"Location": "/elsewhere"})

    async with _client(answer) as client:
        answered = await client.request("GET", "/things", "signed")

    assert (answered.status_code, answered.headers["location"], answered.is_success) == (303, "/elsewhere", False)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    peer = Peer([200])

    async with _client(peer.answer) as client:
        assert (await client.request("GET", "/things", "signed")).is_success


async def test_a_failing_peer_is_left_alone() -> None:
    peer = Peer([503])

    async with _client(peer.answer) as client:
        for _ in range(5):
            with pytest.raises(DependencyUnavailable):
                await client.request("POST", "/things", "signed")
        with pytest.raises(DependencyUnavailable):
            await client.request("POST", "/things", "signed")

    assert len(peer.requests) == 5


class Clock:
    """Time that a test turns."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(clock: Clock) -> Breaker:
    """A breaker of a peer that failed three times."""
    breaker = Breaker(failures=3, seconds=2.0, clock=clock)
    for _ in range(3):
        breaker.check()
        breaker.failed()
    return breaker


@contextmanager
def _refused() -> Iterator[None]:
    with pytest.raises(DependencyUnavailable):
        yield


def test_failures_in_a_row_cut_a_peer_off(opened: Breaker) -> None:
    with _refused():
        opened.check()


def test_failures_between_answers_do_not(clock: Clock) -> None:
    breaker = Breaker(failures=2, clock=clock)
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()

    breaker.check()


def test_after_a_while_one_call_may_try(opened: Breaker, clock: Clock) -> None:
    clock.now += 2.0

    opened.check()
    with _refused():
        opened.check()


def test_a_failed_try_cuts_off_again(opened: Breaker, clock: Clock) -> None:
    clock.now += 2.0
    opened.check()
    opened.failed()

    clock.now += 1.9
    with _refused():
        opened.check()


def test_a_try_that_succeeds_lets_all_call_again(opened: Breaker, clock: Clock) -> None:
    clock.now += 2.0
    opened.check()
    opened.succeeded()

    opened.check()
    opened.check()


async def test_every_cookie_of_an_answer_is_given() -> None:
    async def give(request: Request) -> Response:
        response = Response()
        for value in ("a=1; Max-Age=60", "b=2"):
            response.headers.append("set-cookie", value)
        return response

    async with _client(give) as client:
        answer = await client.request("GET", "/things", "signed")

    assert list(answer.cookies) == ["a=1; Max-Age=60", "b=2"]
