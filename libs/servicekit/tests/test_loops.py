"""Loops that take one step after another."""

import asyncio

from servicekit.loops import repeated


async def test_steps_follow_each_other_without_a_pause_while_there_is_something_to_do() -> None:
    stopping, taken = asyncio.Event(), 0

    async def step() -> bool:
        nonlocal taken
        taken += 1
        if taken == 50:
            stopping.set()
        return True

    async with asyncio.timeout(5):
        await repeated(step, idle_seconds=60)(stopping)
    assert taken == 50


async def test_a_loop_that_pauses_ends_as_soon_as_it_should() -> None:
    stopping, idle = asyncio.Event(), asyncio.Event()

    async def step() -> bool:
        idle.set()
        return False

    async with asyncio.timeout(5):
        running = asyncio.create_task(repeated(step, idle_seconds=60)(stopping))
        await idle.wait()
        stopping.set()
        await running
