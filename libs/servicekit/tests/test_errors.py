"""Each failure is one problem+json answer, as the public contract describes it."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Header
from fastapi import Body as BodyParameter
from pydantic import Field
from starlette.requests import Request as HttpRequest

from messenger_contracts.problem import ErrorCode
from messenger_contracts.shapes import Request
from servicekit.errors import DependencyUnavailable, ServiceError, Unauthenticated
from servicekit.telemetry import JsonFormatter
from servicekit.testing import Callers, client_of, serving

MakeApp = Callable[..., FastAPI]

CODES = [
    ("validation_failed", 422, False),
    ("unauthenticated", 401, False),
    ("token_expired", 401, False),
    ("forbidden", 403, False),
    ("not_found", 404, False),
    ("not_member", 404, False),
    ("method_not_allowed", 405, False),
    ("conflict", 409, False),
    ("precondition_failed", 412, False),
    ("idempotency_mismatch", 422, False),
    ("idempotency_in_progress", 409, True),
    ("payload_too_large", 413, False),
    ("unsupported_media", 415, False),
    ("upload_incomplete", 409, False),
    ("rate_limited", 429, True),
    ("cursor_expired", 410, False),
    ("epoch_changed", 410, False),
    ("dependency_unavailable", 503, True),
    ("internal", 500, True),
]


class Name(Request):
    """A part of a body."""

    first: str


class Body(Request):
    """A body with something in it that can be wrong."""

    names: list[Name]


class Circle(Request):
    """One of several things that a body can be."""

    kind: Literal["circle"]
    centre: list[int]


class Square(Request):
    """Another one."""

    kind: Literal["square"]
    corners: list[int]


Figure = Annotated[Circle | Square, Field(discriminator="kind")]


async def _get(app: FastAPI, callers: Callers, path: str) -> httpx.Response:
    async with client_of(app, **await callers.user("ann")) as client:
        return await client.get(path)


def _raising(error: Exception) -> APIRouter:
    router = APIRouter()

    @router.get("/fails")
    async def fails() -> None:
        raise error

    return router


@pytest.mark.parametrize(("code", "status", "retryable"), CODES)
async def test_a_code_renders_as_the_contract_says(
    make_app: MakeApp, local_callers: Callers, code: str, status: int, retryable: bool
) -> None:
    app = make_app(_raising(ServiceError("It is so.", code=ErrorCode(code))))

    answer = await _get(app, local_callers, "/fails")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"urn:messenger:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": "It is so.",
        "instance": "/fails",
        "code": code,
        "retryable": retryable,
        "trace_id": answer.headers["x-trace-id"],
        "errors": [],
    }


def test_the_table_has_every_code() -> None:
    assert {code for code, _, _ in CODES} == set(ErrorCode)


async def test_a_401_says_how_to_sign_in(make_app: MakeApp, local_callers: Callers) -> None:
    answer = await _get(make_app(_raising(Unauthenticated())), local_callers, "/fails")

    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_503_says_when_to_come_back(make_app: MakeApp, local_callers: Callers) -> None:
    answer = await _get(make_app(_raising(DependencyUnavailable(retry_after=7))), local_callers, "/fails")

    assert answer.headers["retry-after"] == "7"


def _validating() -> APIRouter:
    router = APIRouter()

    @router.put("/things/{thing}")
    async def put(thing: int, body: Body, limit: int = 1, x_size: Annotated[int, Header()] = 1) -> None: ...

    @router.put("/figures")
    async def draw(body: Annotated[Figure, BodyParameter()]) -> None: ...

    return router


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"kind": "circle", "centre": [1, "x"]}, ["/centre/1"]),
        ({"kind": "circle"}, ["/centre"]),
        ({"kind": "oval"}, ["/kind"]),
        ({}, ["/kind"]),
        ([], [""]),
    ],
)
async def test_the_tag_of_a_union_is_no_part_of_a_pointer(
    make_app: MakeApp, local_callers: Callers, body: Any, pointers: list[str]
) -> None:
    async with client_of(make_app(_validating()), **await local_callers.user("ann")) as client:
        answer = await client.put("/figures", json=body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


@pytest.mark.parametrize(
    ("request_parts", "pointers"),
    [
        ({"json": {"names": [{"first": "Ann"}, {"first": 1}]}}, ["/names/1/first"]),
        ({"json": {}}, ["/names"]),
        ({"json": {"names": [], "a/b~c": 1}}, ["/a~1b~0c"]),
        ({"json": {"names": []}, "params": {"limit": "many"}}, ["query/limit"]),
        ({"json": {"names": []}, "headers": {"x-size": "big"}}, ["header/x-size"]),
        ({"json": {"names": []}, "url": "/things/some"}, ["path/thing"]),
        ({"content": b"{no json", "headers": {"content-type": "application/json"}}, [""]),
        ({"content": b""}, [""]),
        ({"json": {"nams": 1}, "params": {"limit": "x"}}, ["query/limit", "/names", "/nams"]),
    ],
)
async def test_a_validation_error_points_at_what_is_wrong(
    make_app: MakeApp, local_callers: Callers, request_parts: dict[str, Any], pointers: list[str]
) -> None:
    app = make_app(_validating())

    async with client_of(app, **await local_callers.user("ann")) as client:
        answer = await client.request("PUT", **{"url": "/things/1", **request_parts})

    assert answer.status_code == 422
    assert answer.json()["code"] == "validation_failed"
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert all(error["detail"] for error in answer.json()["errors"])


@pytest.mark.parametrize("body", [b'{"names":["\xff"]}', b"[" * 100_000, b'{"names":' + b"9" * 5000 + b"}"])
async def test_a_body_that_cannot_be_read_is_said_to_be_one(
    make_app: MakeApp, local_callers: Callers, body: bytes
) -> None:
    headers = {**await local_callers.user("ann"), "content-type": "application/json"}

    async with client_of(make_app(_validating()), **headers) as client:
        answer = await client.put("/things/1", content=body)

    assert (answer.status_code, answer.json()["detail"]) == (422, "The body cannot be read.")


async def test_an_unknown_route_is_a_problem(make_app: MakeApp, local_callers: Callers) -> None:
    answer = await _get(make_app(), local_callers, "/nowhere")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_wrong_method_is_a_problem_that_names_the_right_one(make_app: MakeApp, local_callers: Callers) -> None:
    answer = await _get(make_app(_validating()), local_callers, "/things/1")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "PUT"


async def test_an_unforeseen_failure_is_a_problem_and_a_log_line_of_one_trace(
    make_app: MakeApp, local_callers: Callers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(JsonFormatter("tiny"))

    answer = await _get(make_app(_raising(RuntimeError("the secret reason"))), local_callers, "/fails")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "the secret reason" not in answer.text
    trace_id = answer.headers["x-trace-id"]
    assert answer.json()["trace_id"] == trace_id
    (line,) = (line for line in map(json.loads, caplog.text.splitlines()) if line["level"] == "ERROR")
    assert line["trace_id"] == trace_id
    assert "the secret reason" in line["exception"]


async def test_a_client_that_goes_away_while_it_asks_is_no_failure(
    make_app: MakeApp, local_callers: Callers, caplog: pytest.LogCaptureFixture
) -> None:
    router = APIRouter()

    @router.post("/things")
    async def read(request: HttpRequest) -> str:
        return (await request.body()).decode()

    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError

    headers = {**await local_callers.user("ada"), "content-length": "100", "content-type": "application/json"}
    async with serving(make_app(routers=[router])) as address, httpx.AsyncClient() as client:
        with pytest.raises(ConnectionError):
            await client.post(f"http://{address}/things", content=half(), headers=headers)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
