"""Has work done in sandboxes, a few at a time.

The worker's own process never decodes anything: whatever a hostile file does, it does to a child that has one file, no
credentials and little time.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from itertools import count
from pathlib import Path
from typing import Any

from media_service.sandboxes.errors import WorkFailed, WorkKilled, WorkLost
from media_service.sandboxes.limits import Limits
from media_service.sandboxes.nursery import MOST_ANSWERED
from servicekit.telemetry import meter

NURSERY = "media_service.sandboxes.nursery"
_ENVIRONMENT = {
    "VIPS_CONCURRENCY": "1",  # as many pictures at a time as there are sandboxes, each on one core
    "VIPS_BLOCK_UNTRUSTED": "1",  # libvips's own list of decoders that were not fuzzed
    "MALLOC_ARENA_MAX": "2",
    "LANG": "C.UTF-8",
}
_LONGEST_REPORT = MOST_ANSWERED * 8
_outcomes = meter.create_counter("media.sandboxes", description="Pieces of work by how they ended")


class SandboxService:
    """Does the work of one module. Use it as a context. In `scratch` decoders keep what is too much for memory."""

    def __init__(self, module: str, limits: Limits, at_once: int, scratch: Path | None = None) -> None:
        self._module = module
        self._limits = limits
        self._environment = _ENVIRONMENT | ({"TMPDIR": str(scratch)} if scratch else {})
        self._free = asyncio.Semaphore(at_once)
        self._starting = asyncio.Lock()
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._nursery: Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "SandboxService":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End everything that runs."""
        nursery, self._nursery = self._nursery, None
        if nursery and nursery.stdin:
            nursery.stdin.close()
            await nursery.wait()
        if self._reader:
            await self._reader

    async def work(self, work: Any) -> str:
        """Do a piece of work, given as what JSON can say; its answer.

        Raises `WorkKilled` when it passed its limits or crashed, `WorkFailed` when it raised, and `WorkLost` when it
        may succeed another time.
        """
        async with self._free:
            number = next(self._ids)
            answer = self._waiting[number] = asyncio.get_running_loop().create_future()
            try:
                await self._order(id=number, module=self._module, work=work, limits=self._limits.model_dump())
                async with asyncio.timeout(self._limits.seconds):
                    return _read(await asyncio.shield(answer))
            except TimeoutError as error:
                _outcomes.add(1, {"outcome": "late"})
                raise WorkLost(f"It took more than {self._limits.seconds} seconds.") from error
            finally:
                del self._waiting[number]
                if not answer.done():
                    answer.cancel()
                    self._stop(number)

    async def _order(self, **order: Any) -> None:
        nursery = await self._running()
        try:
            await _tell(nursery, order)
        except ConnectionError as error:
            raise WorkLost("The nursery of sandboxes is gone.") from error

    def _stop(self, number: int) -> None:
        """Have work ended, unless it ended with its nursery."""
        if self._nursery and self._nursery.stdin and not self._nursery.stdin.is_closing():
            self._nursery.stdin.write(_line({"id": number, "stop": True}))

    async def _running(self) -> Process:
        async with self._starting:
            if self._nursery is None or self._nursery.returncode is not None:
                environment = self._environment | {"PYTHONPATH": ":".join(filter(None, sys.path))}
                self._nursery = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", NURSERY, self._module),
                    stdin=PIPE,
                    stdout=PIPE,
                    env=environment,
                    limit=_LONGEST_REPORT,
                )
                self._reader = asyncio.create_task(self._read_reports(self._nursery))
            return self._nursery

    async def _read_reports(self, nursery: Process) -> None:
        assert nursery.stdout  # noqa: S101 - it was asked for
        while line := await nursery.stdout.readline():
            report = json.loads(line)
            waiting = self._waiting.get(report["id"])
            if waiting and not waiting.done():
                waiting.set_result(report)
        await nursery.wait()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(WorkLost("The nursery of sandboxes is gone."))


async def _tell(nursery: Process, order: dict[str, Any]) -> None:
    assert nursery.stdin  # noqa: S101 - it was asked for
    nursery.stdin.write(_line(order))
    await nursery.stdin.drain()


def _line(order: dict[str, Any]) -> bytes:
    return json.dumps(order).encode() + b"\n"


def _read(report: dict[str, Any]) -> str:
    status = report["status"]
    _outcomes.add(1, {"outcome": "done" if status == 0 else "failed" if status > 0 else "killed"})
    if status < 0:
        raise WorkKilled(f"It was ended by signal {-status}.")
    if status > 0:
        raise WorkFailed("It raised; its log says what.")
    answer: str = report["answer"].encode("latin-1").decode()
    return answer
