"""Hands commands to chat. What waits goes together, with no delay when nothing waits.

The commands of one conversation keep their order: they go by one lane, which has one request under way. Those of
different conversations need not wait for each other's answers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from servicekit.batching import Batcher

LANES = 2

Command = dict[str, Any]
"""A `messenger_contracts.commands.Command`, as JSON; what the sender did not say is not in it."""
Result = dict[str, Any]
"""A `messenger_contracts.commands.CommandResult`, as JSON."""
RunCommands = Callable[[Sequence[Command]], Awaitable[Sequence[Result]]]
"""Has chat run commands, and gives a result for each."""


class CommandService:
    """The lanes to chat."""

    def __init__(self, run: RunCommands) -> None:
        self._lanes: list[Batcher[Command, Result]] = [Batcher(run) for _ in range(LANES)]

    def submit(self, command: Command) -> "asyncio.Future[Result]":
        """Hand in a command; the future holds its result, or raises `DependencyUnavailable`."""
        return self._lanes[hash(command.get("conversation_id")) % LANES].submit(command)

    async def drain(self) -> None:
        """Wait until everything handed in has its result."""
        await asyncio.gather(*(lane.drain() for lane in self._lanes))
