"""Loads in processes of their own: a generator that shared the harness's event loop would measure itself.

The harness gives each an order and waits for its answer, so that all begin a round together and the harness can look
at clocks in between. What a load does stands with its scenario.
"""

import asyncio
import gc
import multiprocessing
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Protocol

import uvloop

_PATIENCE_SECONDS = 180
_START, _ROUND = "start", "round"


class Load(Protocol):
    """What runs in a generator. It is sent there as it was made, so it holds only what pickles until `start`."""

    async def start(self) -> Any:
        """Connect."""

    async def round(self, order: Any) -> Any:
        """Do one round."""


class GeneratorFailed(Exception):
    """A generator ended, or did not answer; the message is its traceback."""


class Crew:
    """The generators of one scenario."""

    def __init__(self, pipes: "Sequence[Connection[Any, Any]]", pids: Sequence[int]) -> None:
        self.processes = {f"load {number}": pid for number, pid in enumerate(pids, 1)}
        self._pipes = pipes

    def start(self) -> None:
        """Let all connect."""
        self._tell(_START, None)
        self.finish()

    def round(self, order: Any) -> list[Any]:
        """Let all do one round at once; returns their answers."""
        self.begin(order)
        return self.finish()

    def begin(self, order: Any) -> None:
        """Let all begin a round; `finish` waits for it."""
        self._tell(_ROUND, order)

    def finish(self) -> list[Any]:
        """Wait for the round that was begun."""
        return [_answer(pipe) for pipe in self._pipes]

    def _tell(self, kind: str, order: Any) -> None:
        for pipe in self._pipes:
            pipe.send((kind, order))


@contextmanager
def crew(loads: Sequence[Load]) -> Iterator[Crew]:
    """Run each load in a process of its own, connected; they end with the context."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    try:
        for load in loads:
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(load, theirs), daemon=True)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        made = Crew(pipes, [process.pid for process in processes if process.pid])
        made.start()
        yield made
    except BaseException:
        for process in processes:
            process.kill()  # the round that it may be in is of no use any more
        raise
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(10)
            process.kill()


def _answer(pipe: "Connection[Any, Any]") -> Any:
    if not pipe.poll(_PATIENCE_SECONDS):
        raise GeneratorFailed(f"no answer within {_PATIENCE_SECONDS} s")
    try:
        failed, answer = pipe.recv()
    except EOFError:
        raise GeneratorFailed("it ended") from None
    if failed:
        raise GeneratorFailed(answer)
    return answer


def _serve(load: Load, pipe: "Connection[Any, Any]") -> None:
    uvloop.run(_obey(load, pipe))


async def _obey(load: Load, pipe: "Connection[Any, Any]") -> None:
    """Do what comes through the pipe until it is closed."""
    while True:
        try:
            kind, order = await asyncio.to_thread(pipe.recv)
        except EOFError:
            return
        try:
            answer = await (_start(load) if kind == _START else load.round(order))
        except Exception:
            pipe.send((True, traceback.format_exc()))
        else:
            pipe.send((False, answer))


async def _start(load: Load) -> Any:
    """Let it connect, and from then on do without the garbage collector: its pauses would seem to be the servers'."""
    answer = await load.start()
    gc.collect()
    gc.disable()
    return answer
