"""Composition root: what the gateway is made of, and nothing else."""

from functools import partial

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from gateway_service.dependencies import lifespan
from gateway_service.docs.endpoints import router as docs
from gateway_service.docs.endpoints import static_files
from gateway_service.headers import SecurityHeaders
from gateway_service.routes.endpoints import public
from gateway_service.settings import GatewaySettings
from servicekit.app import create_app
from servicekit.server import serve


def create(settings: GatewaySettings) -> FastAPI:
    """The gateway as an app."""
    app = create_app(settings, title="Messenger", lifespan=partial(lifespan, settings))
    app.include_router(docs)
    app.mount("/docs/files", static_files)
    app.mount("/v1", public)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Traceparent"],
        expose_headers=["ETag", "Link", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Trace-Id"],
        max_age=3600,
    )
    app.add_middleware(SecurityHeaders)
    return app


if __name__ == "__main__":
    gateway_settings = GatewaySettings()
    serve(create(gateway_settings), gateway_settings)
