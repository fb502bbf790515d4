"""What the load balancer is told."""

import asyncio
from collections.abc import Callable

import pytest
from fastapi import FastAPI

import servicekit.health
from servicekit.testing import client_of

MakeApp = Callable[..., FastAPI]


async def _well() -> None: ...


async def _ill() -> None:
    raise ConnectionError("the database is away")


async def test_a_process_without_checks_is_ready(make_app: MakeApp) -> None:
    async with client_of(make_app()) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_a_failing_check_is_named_with_its_reason(make_app: MakeApp) -> None:
    app = make_app()
    app.state.health.require("cache", _well)
    app.state.health.require("database", _ill)

    async with client_of(app) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failing",
        "failing": {"database": "ConnectionError: the database is away"},
    }


async def test_a_check_that_hangs_fails(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicekit.health, "CHECK_SECONDS", 0.01)
    app = make_app()
    app.state.health.require("database", asyncio.Event().wait)

    async with client_of(app) as client:
        answer = await client.get("/readyz")

    assert answer.json()["failing"] == {"database": "TimeoutError: "}


async def test_a_process_that_fails_its_checks_lives(make_app: MakeApp) -> None:
    app = make_app()
    app.state.health.require("database", _ill)

    async with client_of(app) as client:
        assert (await client.get("/livez")).status_code == 200


async def test_a_draining_process_is_not_ready(make_app: MakeApp) -> None:
    app = make_app()
    app.state.health.draining = True

    async with client_of(app) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
