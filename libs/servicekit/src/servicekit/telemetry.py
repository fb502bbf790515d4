"""Logs, traces and metrics: one trace id through HTTP, queues and sockets.

Sampling is decided first: a request that is not recorded costs a context and no span. Metrics are OpenTelemetry's,
sent by OTLP where a collector is set.
"""

import logging
import random
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from opentelemetry import context, metrics, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from messenger_contracts.shapes import format_timestamp
from servicekit.redaction import redact
from servicekit.settings import ServiceSettings

TRACEPARENT = "traceparent"
_propagator = TraceContextTextMapPropagator()
_ids = random.Random()  # noqa: S311 - ids are no secrets, and the system's randomness costs a call of the kernel each
tracer = trace.get_tracer("messenger")
meter = metrics.get_meter("messenger")

failures = meter.create_counter("messenger.failures", description="Failures by place and kind")


def current_trace_id() -> str:
    """The trace id of the work at hand, 32 hex digits; empty outside any."""
    span = trace.get_current_span().get_span_context()
    return format(span.trace_id, "032x") if span.is_valid else ""


def current_traceparent() -> str | None:
    """The W3C `traceparent` to pass on."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(TRACEPARENT)


def inject_trace(headers: MutableMapping[str, str]) -> None:
    """Add the trace headers to an outgoing request or message."""
    _propagator.inject(headers)


class Sampler:
    """Decides for a trace that starts here whether it is recorded."""

    def __init__(self, ratio: float) -> None:
        self._bound = int(ratio * (1 << 64))

    def takes(self, trace_id: int) -> bool:
        """Whether to record; the same answer for the same trace."""
        return (trace_id & ((1 << 64) - 1)) < self._bound


class Tracing:
    """Continues or starts a trace around a piece of work."""

    def __init__(self, ratio: float) -> None:
        self._sampler = Sampler(ratio)

    @contextmanager
    def work(self, name: str, traceparent: str | None, attributes: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Run a block inside the trace that `traceparent` names, or inside a new one."""
        parent = _propagator.extract({TRACEPARENT: traceparent}) if traceparent else context.Context()
        span = trace.get_current_span(parent).get_span_context()
        if not span.is_valid:
            trace_id = _ids.getrandbits(128) or 1
            flags = TraceFlags.SAMPLED if self._sampler.takes(trace_id) else TraceFlags.DEFAULT
            span = SpanContext(trace_id, _ids.getrandbits(64) or 1, is_remote=True, trace_flags=TraceFlags(flags))
            parent = trace.set_span_in_context(NonRecordingSpan(span), parent)
        if span.trace_flags.sampled:
            with tracer.start_as_current_span(name, parent, attributes=attributes):
                yield
            return
        token = context.attach(parent)
        try:
            yield
        finally:
            context.detach(token)


def record_failure(place: str, error: BaseException, **attributes: str) -> None:
    """Count a failure and log it with its trace."""
    failures.add(1, {"place": place, "kind": type(error).__name__, **attributes})
    logging.getLogger(place).error("%s: %s", type(error).__name__, error, exc_info=error, extra=attributes)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, trace id, and the record's extras."""

    _standard = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        line: dict[str, Any] = {
            "time": format_timestamp(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": current_trace_id() or None,
        }
        line |= {name: value for name, value in vars(record).items() if name not in self._standard}
        if record.exc_info and record.exc_info[0]:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return redact(orjson.dumps(line, default=str).decode())


class TextFormatter(logging.Formatter):
    """A line for a person, with the start of the trace id."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        trace_id = current_trace_id()
        return redact(super().format(record)) + (f"  [{trace_id[:8]}]" if trace_id else "")


_CHATTY = (
    *("aiobotocore", "aiohttp", "asyncio", "boto3", "botocore", "hpack", "httpcore", "httpx", "urllib3"),
    *("uvicorn.access", "websockets"),
)
"""Libraries that write each step they take at DEBUG, headers and bodies included."""


def setup_logging(settings: ServiceSettings) -> None:
    """Send every log line to standard output in the format that the settings name."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(settings.SERVICE) if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # What none of our formats says need not be found out for every line (logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - the only switch there is, and a documented one
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # At DEBUG it writes the headers and frames of every socket.
    logging.getLogger("uvicorn.error").setLevel(max(logging.getLevelName(settings.log_level), logging.INFO))


def records_traces() -> bool:
    """Whether the spans of this process go anywhere."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)
