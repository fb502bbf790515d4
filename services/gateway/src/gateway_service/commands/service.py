"""Hands commands to chat, in their order, with one request under way: what comes meanwhile goes together in the next.

Two requests at a time were tried: the groups are half as large then, and both the sends a second and the delay of each
are worse. What chat may have to ask others about goes in requests of its own, so that nothing else waits for them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from servicekit.batching import Batcher

Command = dict[str, Any]
"""A `messenger_contracts.commands.Command`, as JSON; what the sender did not say is not in it."""
Result = dict[str, Any]
"""A `messenger_contracts.commands.CommandResult`, as JSON."""
SLOW_TOGETHER, SLOW_AT_ONCE = 50, 8
RunCommands = Callable[[Sequence[Command]], Awaitable[Sequence[Result]]]
"""Has chat run commands, and gives a result for each."""


class CommandService:
    """The way to chat."""

    def __init__(self, run: RunCommands) -> None:
        self._batcher: Batcher[Command, Result] = Batcher(run)
        self._slow: Batcher[Command, Result] = Batcher(run, limit=SLOW_TOGETHER, concurrency=SLOW_AT_ONCE)

    def submit(self, command: Command) -> "asyncio.Future[Result]":
        """Hand in a command; the future holds its result, or raises `DependencyUnavailable`."""
        return self._batcher.submit(command)

    def submit_slow(self, command: Command) -> "asyncio.Future[Result]":
        """The same for one about which chat may have to ask others."""
        return self._slow.submit(command)

    async def drain(self) -> None:
        """Wait until everything handed in has its result."""
        await self._batcher.drain()
        await self._slow.drain()
