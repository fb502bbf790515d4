"""What happens around every request."""

import json
import logging
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from servicekit.telemetry import JsonFormatter, current_traceparent
from servicekit.testing import Callers, client_of, serving

MakeApp = Callable[..., FastAPI]
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-00"

JSON = {"content-type": "application/json"}


def _router() -> APIRouter:
    router = APIRouter()

    @router.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @router.get("/trace/{part}")
    async def trace(part: str) -> str | None:
        return current_traceparent()

    return router


@pytest.fixture
async def client(make_app: MakeApp, local_callers: Callers) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(_router(), body_limit=1000), **await local_callers.user("ann")) as client:
        yield client


async def test_a_body_up_to_the_limit_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/echo", content=b"x" * 1000, headers=JSON)

    assert answer.json() == 1000


async def test_what_our_own_processes_gather_may_be_larger(make_app: MakeApp, local_callers: Callers) -> None:
    app = make_app(internal=[_router()], body_limit=1000)
    async with client_of(app, **await local_callers.user("ann")) as client:
        answer = await client.post("/internal/echo", content=b"x" * 100_000, headers=JSON)

    assert answer.json() == 100_000


async def test_a_body_that_declares_too_much_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/echo", content=b"x" * 1001)

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


async def test_a_body_that_grows_too_large_is_refused(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 500

    answer = await client.post("/echo", content=chunks(), headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


async def test_a_body_that_grows_too_large_is_refused_on_a_real_connection(
    make_app: MakeApp, local_callers: Callers
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 500

    async with serving(make_app(_router(), body_limit=1000)) as address, httpx.AsyncClient() as client:
        headers = await local_callers.user("ann")
        answer = await client.post(f"http://{address}/echo", content=chunks(), headers=headers | JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "jsonish", ""])
async def test_a_body_that_is_no_json_is_refused(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post("/echo", content=b"{}", headers={"content-type": content_type})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")


@pytest.mark.parametrize(
    "content_type", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/merge-patch+json"]
)
async def test_every_kind_of_json_is_read(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post("/echo", content=b"{}", headers={"content-type": content_type})

    assert answer.json() == 2


async def test_a_request_without_a_body_needs_no_type(client: httpx.AsyncClient) -> None:
    assert (await client.post("/echo")).json() == 0


async def test_a_trace_that_came_is_continued(client: httpx.AsyncClient) -> None:
    answer = await client.get("/trace/x", headers={"traceparent": TRACEPARENT})

    assert answer.headers["x-trace-id"] == TRACE_ID
    assert answer.json().split("-")[1] == TRACE_ID


@pytest.mark.parametrize("traceparent", ["", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{TRACE_ID}-1-01"])
async def test_a_trace_that_is_none_is_replaced(client: httpx.AsyncClient, traceparent: str) -> None:
    answer = await client.get("/trace/x", headers={"traceparent": traceparent})

    assert len(answer.headers["x-trace-id"]) == 32
    assert answer.headers["x-trace-id"] not in {TRACE_ID, "0" * 32}


async def test_a_request_is_one_log_line_by_route_and_trace(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "access")
    caplog.handler.setFormatter(JsonFormatter("tiny"))

    await client.get("/trace/x", headers={"traceparent": TRACEPARENT})

    (line,) = (line for line in map(json.loads, caplog.text.splitlines()) if line["logger"] == "access")
    assert line["message"] == "GET /trace/x 200"
    assert (line["route"], line["status"], line["trace_id"]) == ("/trace/{part}", 200, TRACE_ID)
    assert line["ms"] >= 0


async def test_the_balancer_s_questions_are_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "access")

    await client.get("/livez")

    assert "livez" not in caplog.text
