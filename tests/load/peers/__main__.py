"""The command line: every server takes its turn, several times over, and the page tells how they compare."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from localcloud.console import fail, say, step
from localcloud.ephemeral import temporary_home
from localcloud.errors import LocalCloudError
from localcloud.paths import Layout
from localcloud.processes import exit_on_signals

from .. import meters, report
from ..figures import Results, merged
from . import ours
from .ejabberd import Ejabberd
from .page import OURS
from .peer import Peer, Size, run
from .synapse import Synapse

_ROOT = Path(__file__).parents[3]
_FULL = Size(seconds=4.0, turns=3)
_QUICK = Size(seconds=1.0, turns=1)
_PEERS: tuple[type[Peer], ...] = (Ejabberd, Synapse)
_FURNISH_SECONDS = 600
_NAMES = (OURS, *(peer.name for peer in _PEERS))


async def _take_turn(peer: Peer, home: Path, size: Size) -> Results:
    """Let a peer run alone and do its part; what it needs is made the first time."""
    results, furnished = Results(), home / "furnished"
    with run(peer, home) as running:
        if not furnished.exists():
            async with asyncio.timeout(_FURNISH_SECONDS):
                await peer.furnish(running)
            furnished.touch()
        await peer.measure(running, results, size)
    return results


def _compare(peers: list[Peer], size: Size, names: list[str], home: Path) -> dict[str, Results]:
    turns: dict[str, list[Results]] = {name: [] for name in names}
    for number in range(1, size.turns + 1):
        if OURS in turns:
            with step(f"turn {number} of {size.turns}: {OURS}"):
                turns[OURS].append(ours.take_turn(home / OURS, size))
        for peer in peers:
            with step(f"turn {number} of {size.turns}: {peer.name}"):
                turns[peer.name].append(asyncio.run(_take_turn(peer, home / peer.name, size)))
    return {name: merged(results) for name, results in turns.items()}


def bench_peers(
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(_NAMES)}; may be repeated.")] = None,
    quick: Annotated[bool, typer.Option(help="A look at whether it works; its numbers mean nothing.")] = False,
) -> None:
    """Measure ours and its peers. A whole run writes its part of docs/performance.md."""
    names = [name for name in _NAMES if name in (only or _NAMES)]
    peers: list[Peer] = [made() for made in _PEERS if made.name in names]
    versions = {}
    try:
        for peer in peers:
            with step(f"{peer.name}, installed in .local"):
                versions[peer.name] = peer.install()
        with temporary_home(Layout()) as home:
            systems = _compare(peers, _QUICK if quick else _FULL, names, home)
    except LocalCloudError as error:
        fail(error)
        raise typer.Exit(1) from error
    measured = report.Run(f"{datetime.now(UTC):%Y-%m-%d}", meters.machine(), systems, versions)
    for name, results in systems.items():
        say(name)
        report.show(results)
    say(f"written: {report.save(_ROOT / '.local' / 'bench', measured).relative_to(_ROOT)}")
    if not (only or quick):
        report.publish(_ROOT / "docs", "bench-peers", measured)


if __name__ == "__main__":
    exit_on_signals()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(bench_peers)
    app()
