"""The command line: a fresh suite with its limits out of the way, the scenarios one after the other, a report."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from localcloud.console import say, step
from localcloud.processes import attend, exit_on_signals
from messengerctl.suite import Suite

from . import fanout, history, idle, limit, media, meters, pace, puts, report, resume, saturation
from .figures import Figure, Results
from .stage import UNLIMITED, Stage, set_stage

_ROOT = Path(__file__).parents[2]
_WIDTHS = (10, 200)
_CONNECTIONS = (32, 200)


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    seconds: float
    rounds: int
    lengths: tuple[int, ...]
    sockets: int
    clients: int
    audience: int
    pictures: int


_FULL = Size(
    seconds=4.0,
    rounds=3,
    lengths=(10_000, 1_000_000),
    sockets=idle.SOCKETS,
    clients=resume.CLIENTS,
    audience=fanout.SOCKETS,
    pictures=24,
)
_QUICK = Size(seconds=1.0, rounds=1, lengths=(1_000, 10_000), sockets=200, clients=100, audience=100, pictures=6)


async def _saturate(stage: Stage, results: Results, size: Size) -> None:
    for width in _WIDTHS:
        name = f"sockets, {width} conversations"
        first = await limit.next_transaction(stage)
        await saturation.measure(stage, results, name, width, size.seconds, size.rounds)
        groups = await limit.groups_since(stage, first)
        await limit.measure(stage, results, name, groups, size.rounds)


async def _pace(stage: Stage, results: Results, size: Size) -> None:
    name, first = f"paced, {pace.RATE}/s", await limit.next_transaction(stage)
    budget = meters.Budget(stage.processes)
    budget.begin()
    await pace.measure(stage, results, 2 * size.seconds, size.rounds)
    groups = await limit.groups_since(stage, first)
    sends = sum(sum(group.values()) for group in groups)
    budget.end(sends)
    results.add(name, Figure("sends a transaction", "", [sends / len(groups)]))
    results.budgets[name] = budget.microseconds


async def _put(stage: Stage, results: Results, size: Size) -> None:
    for connections in _CONNECTIONS:
        await puts.measure(stage, results, connections, size.seconds, size.rounds)


# What leaves the workers the most to do comes late; what puts people into groups, of which the others' clients know
# nothing, comes last.
_SCENARIOS: dict[str, Callable[[Stage, Results, Size], Awaitable[None]]] = {
    "idle": lambda stage, results, size: idle.measure(stage, results, size.sockets, size.rounds),
    "history": lambda stage, results, size: history.measure(stage, results, size.lengths, size.rounds),
    "resume": lambda stage, results, size: resume.measure(stage, results, size.clients, size.rounds),
    "media": lambda stage, results, size: media.measure(stage, results, size.pictures, size.rounds),
    "pace": _pace,
    "puts": _put,
    "saturation": _saturate,
    "fanout": lambda stage, results, size: fanout.measure(stage, results, size.audience, fanout.CROWD, size.rounds),
}


async def _measure(suite: Suite, size: Size, only: list[str]) -> Results:
    results = Results()
    with step("people and conversations"):
        stage = await set_stage(suite)
    for name, scenario in _SCENARIOS.items():
        if name in (only or _SCENARIOS):
            await stage.settle()
            with step(name):
                await scenario(stage, results, size)
    return results


def bench(
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(_SCENARIOS)}; may be repeated.")] = None,
    quick: Annotated[bool, typer.Option(help="A look at whether it works; its numbers mean nothing.")] = False,
) -> None:
    """Measure a fresh suite. A whole run writes its part of docs/performance.md."""
    state = os.environ.get("MESSENGER_STATE")
    if state is None:
        command = ["localcloud", "run", "--suite", "--", sys.executable, "-m", "tests.load", *sys.argv[1:]]
        raise typer.Exit(attend(command, UNLIMITED))
    results = asyncio.run(_measure(Suite(Path(state)), _QUICK if quick else _FULL, only or []))
    report.show(results)
    measured = report.Run(f"{datetime.now(UTC):%Y-%m-%d}", meters.machine(), {"ours": results})
    say(f"written: {report.save(_ROOT / '.local' / 'bench', measured).relative_to(_ROOT)}")
    if not (only or quick):
        report.publish(_ROOT / "docs", "bench", measured)


if __name__ == "__main__":
    exit_on_signals()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(bench)
    app()
