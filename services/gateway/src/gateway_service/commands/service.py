"""Hands commands to chat, in their order, with one request under way: what comes meanwhile goes together in the next.

Two requests at a time were tried: the groups are half as large then, and both the sends a second and the delay of each
are worse.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from servicekit.batching import Batcher

Command = dict[str, Any]
"""A `messenger_contracts.commands.Command`, as JSON; what the sender did not say is not in it."""
Result = dict[str, Any]
"""A `messenger_contracts.commands.CommandResult`, as JSON."""
RunCommands = Callable[[Sequence[Command]], Awaitable[Sequence[Result]]]
"""Has chat run commands, and gives a result for each."""


class CommandService:
    """The way to chat."""

    def __init__(self, run: RunCommands) -> None:
        self._batcher: Batcher[Command, Result] = Batcher(run)

    def submit(self, command: Command) -> "asyncio.Future[Result]":
        """Hand in a command; the future holds its result, or raises `DependencyUnavailable`."""
        return self._batcher.submit(command)

    async def drain(self) -> None:
        """Wait until everything handed in has its result."""
        await self._batcher.drain()
