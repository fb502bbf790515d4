"""Run the emulator so that its state also survives kill -9, but for about the last second.

On its own it writes its state only when it ends well. Here a forked child, a consistent copy of memory that no
request waits for, writes it whenever requests came in. Runs in the emulator's own environment, so it imports
nothing of ours.

The port comes as an argument, not as GATEWAY_PORT: that one becomes part of the queues' stored names, which then
are not found after a start on another port.
"""

import asyncio
import ctypes
import os
import signal
import sys
import time

import ministack.app as emulator
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.core.persistence import PERSIST_STATE, save_all

PR_SET_PDEATHSIG = 1
MINIMUM_INTERVAL = 1.0  # seconds between two snapshots
SHARE_OF_TIME = 0.05  # the part of the time that writing snapshots may take
PATIENCE = 30.0  # seconds until a child that inherited a held lock is given up


class Snapshots:
    """Counts requests, and writes the state while there are new ones."""

    def __init__(self) -> None:
        """Begin with nothing to write."""
        self.requests = 0
        self.written = 0

    async def __call__(self, scope, receive, send) -> None:  # noqa: ANN001 - ASGI, untyped in this environment
        """Serve a request, and note that it may have changed something."""
        await emulator.app(scope, receive, send)
        if scope["type"] == "http" and not scope["path"].startswith("/_ministack/"):
            self.requests += 1

    async def keep(self, stopping: asyncio.Event) -> None:
        """Write snapshots until the event is set, seldom enough to leave the machine to its work."""
        took = 0.0
        while not await _set_within(max(MINIMUM_INTERVAL, took / SHARE_OF_TIME), stopping):
            if self.requests != self.written:
                seen, started = self.requests, time.monotonic()
                if await asyncio.to_thread(_await_child, _fork_writer(), stopping):
                    self.written = seen
                took = time.monotonic() - started


async def _set_within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _fork_writer() -> int:
    """Fork a child that writes the state and ends; return its pid. It dies with us: it holds our port too."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            save_all(emulator._build_persistence_save_dict())  # noqa: SLF001 - the emulator offers no other way
            status = 0
    finally:
        os._exit(status)


def _await_child(child: int, stopping: asyncio.Event) -> bool:
    """Wait until the child has ended; end it when we are to end, for the last state goes into the same files."""
    deadline = time.monotonic() + PATIENCE
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        if stopping.is_set() or time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)


async def main(address: str) -> None:
    """Serve on `host:port` until SIGTERM or SIGINT; the emulator itself writes the last state."""
    config = Config()
    config.bind = [address]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = os.environ["LOG_LEVEL"]
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    snapshots = Snapshots()
    keeper = asyncio.create_task(snapshots.keep(stopping)) if PERSIST_STATE else None

    async def at_rest() -> None:
        await stopping.wait()
        if keeper:
            await keeper

    await serve(snapshots, config, shutdown_trigger=at_rest)


asyncio.run(main(sys.argv[1]))
