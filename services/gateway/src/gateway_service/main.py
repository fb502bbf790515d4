"""Composition root: what the gateway is made of, and nothing else."""

from functools import partial

from fastapi import FastAPI
from starlette.routing import WebSocketRoute

from gateway_service.dependencies import lifespan
from gateway_service.docs.endpoints import router as docs
from gateway_service.docs.endpoints import static_files
from gateway_service.headers import protect
from gateway_service.routes.endpoints import PublicRoute
from gateway_service.settings import GatewaySettings
from gateway_service.sockets.endpoints import REALTIME_PATH, Realtime
from gateway_service.sockets.endpoints import router as realtime
from servicekit.app import create_app
from servicekit.server import serve


def create(settings: GatewaySettings) -> FastAPI:
    """The gateway as an app."""
    app = create_app(settings, title="Messenger", lifespan=partial(lifespan, settings))
    app.include_router(docs)
    app.include_router(realtime)
    app.router.routes.append(WebSocketRoute(REALTIME_PATH, Realtime()))
    app.mount("/docs/files", static_files)
    app.router.routes.insert(0, PublicRoute())
    protect(app, settings.allowed_origins)
    return app


if __name__ == "__main__":
    gateway_settings = GatewaySettings()
    serve(create(gateway_settings), gateway_settings)
