"""What happens around every request, as plain ASGI: the trace, the access log, the body limit.

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


class BodyLimit:
    """Refuses a body that is larger than the limit, by its declared length or while it arrives."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = header(scope, b"content-length")
        if declared and declared.isdigit() and int(declared) > self._limit:
            error = ServiceError(f"The body is larger than {self._limit} bytes.", code=ErrorCode.PAYLOAD_TOO_LARGE)
            await problem_response(error, scope["path"])(scope, receive, send)
            return
        seen = 0

        async def receive_limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise TooLarge(self._limit)
            return message

        await self._app(scope, receive_limited, send)


class TooLarge(HTTPException):
    """The body passed the limit. An `HTTPException`, because FastAPI turns any other failure of reading into a 400."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than {limit} bytes.")
