"""Sockets that are open and silent: what each costs the gateway in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .figures import Figure, Results
from .generators import crew
from .meters import resident_bytes
from .stage import PEOPLE, Stage
from .wire import Gateway, Lost, Socket, connect

GENERATORS = 2
SOCKETS = 10_000
_OPEN_AT_ONCE = 16


def _ignore(frame: dict[str, Any]) -> None:
    """Take no notice."""


@dataclass
class Idlers:
    """The load of one generator. A round's order is how many sockets to open more; they stay open."""

    gateway: Gateway
    seats: Sequence[tuple[str, dict[str, int]]]

    async def start(self) -> None:
        """Have none."""
        self._sockets: list[Socket] = []

    async def round(self, more: int) -> int:
        """Open some; returns how many are open. Raises `Lost` when one of them has ended."""
        gate = asyncio.Semaphore(_OPEN_AT_ONCE)

        async def one(number: int) -> None:
            token, positions = self.seats[number % len(self.seats)]
            async with gate:
                self._sockets.append(await connect(self.gateway, token, _ignore, positions))

        await asyncio.gather(*map(one, range(more)))
        if ended := [socket.ended.result() for socket in self._sockets if socket.ended.done()]:
            raise Lost(ended[0])
        return len(self._sockets)


async def measure(stage: Stage, results: Results, sockets: int, rounds: int) -> None:
    """Measure, into `results`: a tenth of the sockets opens first, and what the others add is counted."""
    heads = await stage.heads()
    seats = [(person.access_token, stage.of(number, heads)) for number, person in enumerate(stage.people)]
    gateway, share = stage.processes["gateway"], (sockets - sockets // 10) // rounds // GENERATORS
    costs = []
    with crew([Idlers(stage.gateway, seats)] * GENERATORS) as generators:
        opened = sum(generators.round(sockets // 10 // GENERATORS))
        for _ in range(rounds):
            before, had = resident_bytes(gateway), opened
            opened = sum(generators.round(share))
            costs.append((resident_bytes(gateway) - before) / (opened - had) / 1024)
    name = f"idle, {opened:,} sockets in {PEOPLE - 1} conversations each"
    results.add(name, Figure("memory of the gateway a socket", "KiB", costs))
