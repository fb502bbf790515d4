"""What every answer says to browsers: the security headers, and which other origins may call."""

from collections.abc import Callable
from functools import partial

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servicekit.middleware import header

_HEADERS = {
    b"strict-transport-security": b"max-age=63072000; includeSubDomains",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
_VARY = (b"vary", b"Origin")
"""What the answer to a request without an origin says too, for caches, which may be asked from one next."""


class SecurityHeaders:
    """Adds what the route itself did not set. Only a request that names its origin goes by way of `across`."""

    def __init__(self, app: ASGIApp, across: Callable[[ASGIApp], ASGIApp]) -> None:
        self._app = app
        self._across = across(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        named = header(scope, b"origin") is not None

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                missing = [(name, value) for name, value in _HEADERS.items() if name not in present]
                if not named:
                    missing.append(_VARY)
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        await (self._across if named else self._app)(scope, receive, send_secured)


def protect(app: Starlette, allowed_origins: list[str]) -> None:
    """Give an app the headers, and let the listed origins call it."""
    across = partial(
        CORSMiddleware,
        allow_origins=allowed_origins,
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Traceparent"],
        expose_headers=[
            "ETag",
            "Idempotency-Replay",
            "Link",
            "Location",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "X-Trace-Id",
        ],
        max_age=3600,
    )
    app.add_middleware(SecurityHeaders, across=across)
