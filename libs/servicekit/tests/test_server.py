"""A whole process: how it ends, and what it tells a collector."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.processes import free_port
from servicekit.testing import eventually, serving

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


class Process:
    """A tiny service in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self, **settings: str) -> None:
        given = {"PORT": str(self.port), "FOLDER": str(self.folder), "DRAIN_SECONDS": "60", **settings}
        environment = {**os.environ, **{f"TINY_{name}": value for name, value in given.items()}}
        with (self.folder / "log").open("wb") as log:
            command = [sys.executable, str(Path(__file__).with_name("tiny.py"))]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    async def start(self, **settings: str) -> None:
        self.spawn(**settings)
        await eventually(self.listens)

    async def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    async def refuses(self) -> bool:
        return not await self.listens()

    def sign(self, name: str) -> None:
        (self.folder / name).touch()

    async def signed(self, name: str) -> None:
        async def appeared() -> bool:
            return (self.folder / name).exists()

        await eventually(appeared)

    def signal(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGTERM)

    async def exit_code(self) -> int:
        assert self._process
        return await asyncio.to_thread(self._process.wait, 60)

    def kill(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    yield process
    process.kill()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=20) as client:
        yield client


async def _readiness(client: httpx.AsyncClient, process: Process) -> tuple[int, Any]:
    answer = await client.get(f"{process.url}/readyz")
    return answer.status_code, answer.json()


async def test_the_collector_leaves_alone_what_lives_as_long_as_the_process(
    process: Process, client: httpx.AsyncClient
) -> None:
    await process.start()

    left_alone, looked_at = (await client.get(f"{process.url}/collector")).json()

    assert left_alone > 10 * looked_at


async def test_a_drain_ends_what_was_begun_and_then_the_process(process: Process, client: httpx.AsyncClient) -> None:
    await process.start()
    held = asyncio.create_task(client.get(f"{process.url}/hold"))
    await process.signed("holding")

    process.signal()

    async def draining() -> bool:
        return await _readiness(client, process) == (503, {"status": "draining"})

    await eventually(draining)
    process.sign("drained")
    await eventually(process.refuses)
    process.sign("let-go")

    assert (await held).json() == "held"
    assert await process.exit_code() == 0
    assert (process.folder / "ended").exists()


async def test_a_process_without_work_ends_at_once(process: Process) -> None:
    await process.start()
    process.sign("drained")

    process.signal()

    assert await process.exit_code() == 0


async def test_a_second_signal_ends_at_once(process: Process, client: httpx.AsyncClient) -> None:
    await process.start()
    held = asyncio.create_task(client.get(f"{process.url}/hold"))
    await process.signed("holding")

    process.signal()

    async def draining() -> bool:
        return (await _readiness(client, process))[0] == 503

    await eventually(draining)
    process.signal()
    await process.exit_code()
    (answer,) = await asyncio.gather(held, return_exceptions=True)

    assert not isinstance(answer, httpx.Response) or answer.status_code == 500


async def test_a_port_that_is_taken_is_a_failure(process: Process) -> None:
    with socket.create_server(("127.0.0.1", process.port)):
        process.spawn()

        assert await process.exit_code() != 0


class Collector:
    """An OTLP collector: it keeps the names of the spans, by trace."""

    def __init__(self) -> None:
        self.spans: dict[str, list[str]] = {}

    async def traces(self, request: Request) -> Response:
        export = ExportTraceServiceRequest.FromString(await request.body())
        for resource in export.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.setdefault(span.trace_id.hex(), []).append(span.name)
        return Response()

    async def metrics(self, request: Request) -> Response:
        return Response()


@pytest.fixture
async def collector() -> Collector:
    return Collector()


@pytest.fixture
async def collector_url(collector: Collector) -> AsyncIterator[str]:
    app = Starlette(
        routes=[
            Route("/v1/traces", collector.traces, methods=["POST"]),
            Route("/v1/metrics", collector.metrics, methods=["POST"]),
        ]
    )
    async with serving(app) as address:  # type: ignore[arg-type]
        yield f"http://{address}"


async def test_a_recorded_trace_has_the_request_and_its_statements_and_nothing_else_is_recorded(
    process: Process, client: httpx.AsyncClient, collector: Collector, collector_url: str, empty_database_url: str
) -> None:
    await process.start(OTLP_ENDPOINT=collector_url, TRACE_RATIO="0", DATABASE_URL=empty_database_url)
    process.sign("drained")

    recorded = await client.get(f"{process.url}/query", headers={"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"})
    await client.get(f"{process.url}/query")
    process.signal()

    assert recorded.json() == 42
    assert await process.exit_code() == 0
    assert collector.spans.keys() == {TRACE_ID}
    names = collector.spans[TRACE_ID]
    assert "GET /query" in names
    assert any(name.startswith("SELECT") for name in names)
