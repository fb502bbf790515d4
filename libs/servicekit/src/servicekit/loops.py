"""Loops that run as long as the process: kept running when they fail, and ended when the process drains."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from servicekit.health import Health
from servicekit.telemetry import record_failure

Loop = Callable[[asyncio.Event], Awaitable[None]]
"""It runs until the event is set, finishes what it has begun, and returns."""

Result = TypeVar("Result")
SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 15.0


async def keep_running(
    health: Health, name: str, loop: Loop, stopping: asyncio.Event, *, critical: bool = True
) -> None:
    """Run a loop until the event is set, again and again with growing pauses when it fails.

    While it pauses, the process is not ready, if the loop is critical to it.
    """
    failed: Exception | None = None

    async def check() -> None:
        if failed:
            raise failed

    if critical:
        health.require(name, check)
    pause = SHORTEST_PAUSE
    while not stopping.is_set():
        started = asyncio.get_running_loop().time()
        try:
            await loop(stopping)
        except Exception as error:
            failed = error
            record_failure(name, error)
            lasted = asyncio.get_running_loop().time() - started
            pause = SHORTEST_PAUSE if lasted > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            await wait_for(stopping, pause)
            failed = None


def repeated(step: Callable[[], Awaitable[bool]], idle_seconds: float) -> Loop:
    """A loop that takes one step after another, and pauses when a step says that it left nothing to do."""

    async def run(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            if not await step():
                await wait_for(stopping, idle_seconds)

    return run


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set or the time is over; returns whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def until(event: asyncio.Event, work: Awaitable[Result]) -> Result | None:
    """Wait for the work, but drop it as soon as the event is set; gives None then."""
    running, stop = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({running, stop}, return_when=asyncio.FIRST_COMPLETED)
        return running.result() if running.done() else None
    finally:
        for task in (running, stop):
            task.cancel()
        await asyncio.gather(running, stop, return_exceptions=True)
