"""A thousand clients who come back at once, after their gateway was killed, each with something to catch up on."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .figures import Figure, Results, percentile
from .generators import crew
from .history import fill
from .stage import Stage
from .wire import Gateway, Lost, Socket, connect

GENERATORS = 2
CLIENTS = 1000
MISSED = 20
_PROBE_SECONDS = 0.02


@dataclass(frozen=True)
class Return:
    """One client's return: when it began, and when it had caught up, by the monotonic clock."""

    began: float
    caught_up: float


class Client:
    """One client, who each time comes back `MISSED` events behind in one conversation."""

    def __init__(self, gateway: Gateway, token: str, heads: dict[str, int]) -> None:
        self._gateway = gateway
        self._token = token
        self._heads = heads
        self._missed_in = next(iter(heads))
        self._position = 0
        self._caught_up = asyncio.Event()
        self.socket: Socket

    async def come(self) -> Return:
        """Connect, and take what was missed; raises `Lost` when it is not exactly that."""
        behind = self._heads[self._missed_in] - MISSED
        self._position = behind
        self._caught_up.clear()
        began = time.monotonic()
        positions = self._heads | {self._missed_in: behind}
        self.socket = await connect(self._gateway, self._token, self._take, positions)
        async with asyncio.timeout(60):
            await self._caught_up.wait()
        return Return(began, time.monotonic())

    def _take(self, frame: dict[str, Any]) -> None:
        if frame.get("op") != "event":
            return
        event = frame["d"]
        if event["c"] != self._missed_in or event["seq"] != self._position + 1:
            raise Lost(f"{event['seq']} of {event['c']} came instead of {self._position + 1}")
        self._position = event["seq"]
        if self._position == self._heads[self._missed_in]:
            self._caught_up.set()


@dataclass
class Crowd:
    """The load of one generator. In a round the gateway is lost, and all come back as soon as it serves."""

    gateway: Gateway
    seats: Sequence[tuple[str, dict[str, int]]]

    async def start(self) -> None:
        """Connect everybody."""
        self._clients = [Client(self.gateway, token, heads) for token, heads in self.seats]
        for client in self._clients:
            await client.come()

    async def round(self, order: None) -> list[Return]:
        """See everybody lost and back."""
        await asyncio.gather(*(client.socket.ended for client in self._clients))
        async with asyncio.timeout(60):
            first = await self._first()
        return [first, *await asyncio.gather(*(client.come() for client in self._clients[1:]))]

    async def _first(self) -> Return:
        """Let one come back as soon as the gateway serves it: while it dies or starts, others would only be refused."""
        while True:
            try:
                return await self._clients[0].come()
            except (OSError, Lost):
                await asyncio.sleep(_PROBE_SECONDS)


async def measure(stage: Stage, results: Results, clients: int, rounds: int) -> None:
    """Measure, into `results`."""
    for number in range(len(stage.people)):
        await fill(stage, next(one for one in stage.conversations if number in one.people), MISSED)
    heads = await stage.heads()
    people = [(person.access_token, stage.of(number, heads)) for number, person in enumerate(stage.people)]
    seats = [people[number % len(people)] for number in range(clients)]
    all_back, halves, tails = [], [], []
    with crew([Crowd(stage.gateway, seats[number::GENERATORS]) for number in range(GENERATORS)]) as generators:
        for _ in range(rounds):
            generators.begin(None)
            killed = stage.suite.signal("gateway")
            returns: list[Return] = [one for each in generators.finish() for one in each]
            await stage.suite.healed("gateway", killed)
            first = min(one.began for one in returns)
            delays = [one.caught_up - first for one in returns]
            all_back.append(max(delays))
            halves.append(percentile(delays, 0.5))
            tails.append(percentile(delays, 0.99))
    name = f"resume, {clients:,} clients at once, {MISSED} events each"
    results.add(name, Figure("caught up, p50", "s", halves), Figure("caught up, p99", "s", tails))
    results.add(name, Figure("all caught up", "s", all_back), Figure("clients", "/s", [clients / t for t in all_back]))
