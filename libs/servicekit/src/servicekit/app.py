"""How a service becomes an ASGI app: the same middleware, errors, identity check, health and docs for each."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.telemetry import TelemetryConfig

from messenger_contracts.problem import Problem
from servicekit.errors import install_error_handlers
from servicekit.health import Health, health_router
from servicekit.identity import require_identity
from servicekit.loops import Loop, keep_running
from servicekit.middleware import BodyRules, RequestContext
from servicekit.settings import ServiceSettings
from servicekit.telemetry import Tracing

log = logging.getLogger(__name__)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]
OUR_OWN_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""`RequestContext` tells of requests, and samples them; FastAPI would tell of each a second time."""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "model": Problem,
        "description": "Problem details (RFC 9457); branch on `code`",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def create_app(
    settings: ServiceSettings,
    *,
    title: str,
    lifespan: Lifespan,
    routers: Sequence[APIRouter] = (),
    internal: Sequence[APIRouter] = (),
) -> FastAPI:
    """Build an API. Every route of `routers` and `internal` demands a signed identity.

    The lifespan yields the state that routes find in `request.state`; it must hold `identity`, an `IdentityVerifier`.
    Routes of `internal` are for our own processes and stay out of the OpenAPI document.
    """
    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=OUR_OWN_TELEMETRY,
    )
    app.state.health = Health()
    install_error_handlers(app)
    app.include_router(health_router())
    guard = [Depends(require_identity)]
    for router in internal:  # first, because routes are tried in their order, and the busiest are among these
        app.include_router(router, dependencies=guard, prefix="/internal", include_in_schema=False)
    for router in routers:
        app.include_router(router, dependencies=guard, responses=PROBLEMS)
    app.add_middleware(BodyRules, limit=settings.body_limit)
    app.add_middleware(RequestContext, tracing=Tracing(settings.trace_ratio if settings.otlp_endpoint else 0.0))
    return app


def create_worker(
    *,
    title: str,
    loops: Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Loop]]],
) -> FastAPI:
    """Build a worker: its loops run while the process lives, and it serves nothing but its health.

    A loop that fails is logged, counted and started again, with growing pauses; until then the worker is not ready.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        stopping = asyncio.Event()
        async with loops(app) as running, asyncio.TaskGroup() as group:
            for name, loop in running.items():
                group.create_task(keep_running(app.state.health, name, loop, stopping))
            yield {}
            stopping.set()

    app = FastAPI(
        title=title, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, telemetry=OUR_OWN_TELEMETRY
    )
    app.state.health = Health()
    install_error_handlers(app)
    app.include_router(health_router())
    return app
