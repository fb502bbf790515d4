"""Sends over HTTP: `PUT` under the sender's own UUID, one at a time on each of many kept connections."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import orjson

from .figures import Figure, Results, percentile
from .generators import crew
from .meters import Budget
from .saturation import SENDS, TEXT, Ack, check
from .stage import Stage
from .wire import Gateway, Http

GENERATORS = 2
WARM_UP_SECONDS = 2.0
_BODY = orjson.dumps({"text": TEXT})


@dataclass
class Puts:
    """The load of one generator: a connection for each token and conversation. A round's order is its seconds."""

    gateway: Gateway
    lines: Sequence[tuple[str, str]]

    async def start(self) -> None:
        """Connect."""
        self._connections = [await Http.open(self.gateway, token) for token, _ in self.lines]

    async def round(self, seconds: float) -> tuple[float, list[float], list[Ack]]:
        """Send for some seconds; returns how long it took, the delay of each, and what was acknowledged."""
        started = time.monotonic()
        delays: list[float] = []
        acks: list[Ack] = []

        async def line(http: Http, conversation: str) -> None:
            while (before := time.monotonic()) < started + seconds:
                path = f"/v1/conversations/{conversation}/messages/{uuid4()}"
                message = await http.ask("PUT", path, _BODY)
                delays.append(time.monotonic() - before)
                acks.append(Ack(conversation, message["seq"], message["msg_no"]))

        pairs = zip(self._connections, self.lines, strict=True)
        await asyncio.gather(*(line(http, conversation) for http, (_, conversation) in pairs))
        return time.monotonic() - started, delays, acks


async def measure(stage: Stage, results: Results, connections: int, seconds: float, rounds: int) -> None:
    """Measure one width, into `results`."""
    heads = await stage.heads()
    lines = [(stage.people[one.people[0]].access_token, one.id) for one in stage.conversations[:connections]]
    acks: list[Ack] = []
    rates, halves, tails = [], [], []
    with crew([Puts(stage.gateway, lines[number::GENERATORS]) for number in range(GENERATORS)]) as generators:
        budget = Budget(stage.processes | generators.processes)
        for number in range(rounds + 1):
            budget.begin()
            answers = generators.round(seconds if number else WARM_UP_SECONDS)
            more = [ack for _, _, each in answers for ack in each]
            acks += more
            if number:
                budget.end(len(more))
                delays = [delay * 1000 for _, each, _ in answers for delay in each]
                rates.append(len(more) / max(elapsed for elapsed, _, _ in answers))
                halves.append(percentile(delays, 0.5))
                tails.append(percentile(delays, 0.99))
    check(acks, heads)
    name = f"PUT, {connections} connections"
    results.add(name, Figure(SENDS, "/s", rates))
    results.add(name, Figure("answer, p50", "ms", halves), Figure("answer, p99", "ms", tails))
    results.budgets[name] = budget.microseconds
