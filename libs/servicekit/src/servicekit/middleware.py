"""What happens around every request, as plain ASGI: the trace, the access log, what a body may be.

`BaseHTTPMiddleware` would cost more than half of a small route's throughput.
"""

import logging
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from messenger_contracts.problem import ErrorCode
from servicekit.errors import ServiceError, problem_response
from servicekit.telemetry import TRACEPARENT, Tracing, current_trace_id, failures, meter

log = logging.getLogger("access")
_duration = meter.create_histogram("http.server.duration", unit="ms", description="Time to answer a request")
_QUIET = ("/livez", "/readyz", "/metrics")
_INTERNAL, _INTERNAL_LIMIT = "/internal/", 64 * 1024 * 1024
"""Our own processes gather what many clients sent, each within the limit, into one body."""


def header(scope: Scope, name: bytes) -> str | None:
    """A request header's value; the name in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


class RequestContext:
    """Runs each request in its trace, answers 500 as problem+json, and writes one line about it."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._tracing.work(f"{scope['method']} {scope['path']}", header(scope, TRACEPARENT.encode())):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 0

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-trace-id", current_trace_id().encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_traced)
        except Exception as error:
            failures.add(1, {"place": "http", "kind": type(error).__name__})
            log.exception("unhandled failure")
            if status:
                raise
            await problem_response(ServiceError(), scope["path"])(scope, receive, send_traced)
        finally:
            self._report(scope, status, (time.perf_counter() - started) * 1000)

    @staticmethod
    def _report(scope: Scope, status: int, milliseconds: float) -> None:
        if scope["path"] in _QUIET:
            return
        route = getattr(scope.get("route"), "path", "unmatched")
        _duration.record(milliseconds, {"method": scope["method"], "route": route, "status": status})
        log.info(
            "%s %s %s",
            scope["method"],
            scope["path"],
            status,
            extra={"route": route, "status": status, "ms": round(milliseconds, 2)},
        )


class BodyRules:
    """Refuses a body that is no JSON by its type, or larger than the limit, by its declared length or as it arrives."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            await problem_response(refusal, scope["path"])(scope, receive, send)
            return
        seen, limit = 0, self._limit_of(scope)

        async def receive_limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge(limit)
            return message

        await self._app(scope, receive_limited, send)

    def _limit_of(self, scope: Scope) -> int:
        return max(self._limit, _INTERNAL_LIMIT) if scope["path"].startswith(_INTERNAL) else self._limit

    def _refusal(self, scope: Scope) -> ServiceError | None:
        length, limit = header(scope, b"content-length"), self._limit_of(scope)
        if length and length.isdigit() and int(length) > limit:
            return ServiceError(f"The body is larger than {limit} bytes.", code=ErrorCode.PAYLOAD_TOO_LARGE)
        has_body = length != "0" if length else header(scope, b"transfer-encoding") is not None
        if has_body and not _is_json(header(scope, b"content-type") or ""):
            return ServiceError("Send the body as application/json.", code=ErrorCode.UNSUPPORTED_MEDIA)
        return None


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


class TooLarge(HTTPException):
    """The body passed the limit. An `HTTPException`, because FastAPI turns any other failure of reading into a 400."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than {limit} bytes.")
