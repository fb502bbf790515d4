"""Runs an app under uvicorn, as the architecture measured it, and ends it gracefully.

SIGTERM or SIGINT: not ready any more, then the app's own `drain` (a gateway says good-bye to its sockets), then no new
connections, then the lifespan's end. A second signal ends at once.
"""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from messenger_contracts.realtime import MAX_FRAME_BYTES, PING_SECONDS
from servicekit.connections import WholeAnswers
from servicekit.settings import ServiceSettings
from servicekit.telemetry import setup_logging

log = logging.getLogger(__name__)

Drain = Callable[[], Awaitable[None]]


HOW_WE_SERVE: dict[str, Any] = {
    "loop": "uvloop",
    "http": WholeAnswers,
    "ws": "websockets-sansio",
    "ws_per_message_deflate": False,
    "ws_max_size": MAX_FRAME_BYTES,
    "ws_ping_interval": float(PING_SECONDS),
    "ws_ping_timeout": float(PING_SECONDS),
    "access_log": False,
    "log_config": None,
    "server_header": False,
    "proxy_headers": False,
    "timeout_keep_alive": 75,
}
"""uvicorn's options; tests serve with the same."""


YOUNG_OBJECTS = 50_000
"""Objects that may pile up before the cyclic garbage collector looks at them."""


class DrainingServer(uvicorn.Server):
    """Lets the app drain before it stops listening."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Serve until drained."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)  # type: ignore[arg-type]

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Begin to listen, with the collector set to what a server does.

        By default it looks again and again at everything that was ever imported, and takes a third of the CPU under
        load. What is there by now lives as long as the process; what a batch of requests makes, goes by itself.
        """
        await super().startup(sockets)  # type: ignore[arg-type]
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, 10, 10)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; at the second signal, end."""
        if self._draining is not None or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        self._app.state.health.draining = True
        drain: Drain | None = getattr(self._app.state, "drain", None)
        try:
            if drain:
                await drain()
        finally:
            self.should_exit = True


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Run an app until a signal ends it. An app with more to do on drain sets `app.state.drain`."""
    setup_logging(settings)
    if settings.otlp_endpoint:
        from servicekit.exporters import install_exporters  # see there why not above

        install_exporters(settings, settings.otlp_endpoint)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        **HOW_WE_SERVE,
    )
    server = DrainingServer(config, app)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve())
    if not server.started:
        raise SystemExit(3)
