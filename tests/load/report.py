"""What a run leaves behind: JSON for programs, a page for people, a short table for who watches.

The page is made from the last whole run of each command, all of which stand in one file beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from localcloud.console import table as print_table

from .figures import Figure, Results, rounded
from .markdown import ranged, rows, table
from .peers import page as peers_page

_PAGE = """\
# Performance

Made by `make bench` and `make bench-peers` ([tests/load](../tests/load)), which measure again what stands here, from
[performance.json](performance.json). The ratios say how good the code is; the absolute numbers are of the machine that
is named, whose cores all of it shares: load generators, services, PostgreSQL, Valkey, the AWS emulator. Each number is
the median of several rounds after a warm-up; in brackets are the lowest and the highest.
"""
_BENCH = """
## Ours alone

`make bench` on {date}: {machine}.

Every acknowledgement of the runs at full speed was checked: none missing, none doubled, dense in its conversation; and
over sockets every member was sent every event, in order.

{ratios}

asyncpg alone commits the same rows to tables of the same definition on the same PostgreSQL, in the same groups as chat
did, one transaction at a time: no sockets, no checks, no locks, no publication, and the workers are halted.

| scenario | | median |
| --- | --- | ---: |
{numbers}

### What a send costs

CPU microseconds a durable send, by process with all its children: of few sends a second, whose groups are small, and
while the suite is saturated. The workers and the emulator have a lower priority, and fall behind then: theirs is what
they took meanwhile.

{budgets}
"""


@dataclass(frozen=True)
class Run:
    """One run of a command: of each system what was measured, and its version if it has one."""

    date: str
    machine: dict[str, str]
    systems: dict[str, Results]
    versions: dict[str, str] = field(default_factory=dict)


_RUN = TypeAdapter(Run)
_RUNS = TypeAdapter(dict[str, Run])


def save(folder: Path, run: Run) -> Path:
    """Write the JSON of a run, under its time; returns where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_bytes(_RUN.dump_json(run, indent=2))
    return path


def publish(folder: Path, command: str, run: Run) -> None:
    """Put the run in the place of the command's last one, and make the page anew from the last runs of all."""
    data, runs = folder / "performance.json", {}
    if data.exists():
        runs = _RUNS.validate_json(data.read_bytes())
    runs[command] = run
    data.write_bytes(_RUNS.dump_json(dict(sorted(runs.items())), indent=2) + b"\n")
    (folder / "performance.md").write_text(page(runs))
    if "bench-peers" in runs:
        peers_page.draw(folder / peers_page.PLOTS, runs["bench-peers"].systems)


def page(runs: dict[str, Run]) -> str:
    """Return the page for people, of the commands that were run."""
    text = _PAGE
    if peers := runs.get("bench-peers"):
        text += peers_page.section(peers.date, _words(peers.machine), peers.systems, peers.versions)
    if bench := runs.get("bench"):
        text += _section(bench)
    return text


def _section(run: Run) -> str:
    (results,) = run.systems.values()
    return _BENCH.format(
        date=run.date,
        machine=_words(run.machine),
        ratios=table(("ours to what", "ratio"), ((figure.name, ranged(figure)) for figure in results.ratios)),
        numbers=rows((scenario, figure.name, ranged(figure)) for scenario, figure in _figures(results)),
        budgets=table(("process", *results.budgets), _budget_rows(results)),
    )


def show(results: Results) -> None:
    """Print the short table."""
    lines = [(figure.text, figure.name) for figure in results.ratios]
    lines += [(figure.text, f"{scenario}: {figure.name}") for scenario, figure in _figures(results)]
    for scenario, budget in results.budgets.items():
        lines += [(f"{rounded(cost)} µs", f"{scenario}: CPU of {process} a send") for process, cost in budget.items()]
    print_table(("      median  of",), [(f"{value:>12}  {name}",) for value, name in lines])


def _figures(results: Results) -> Iterable[tuple[str, Figure]]:
    return ((scenario, figure) for scenario, figures in results.figures.items() for figure in figures)


def _words(machine: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" if name == "Python" else value for name, value in machine.items())


def _budget_rows(results: Results) -> Iterable[tuple[str, ...]]:
    budgets = list(results.budgets.values())
    for process in dict.fromkeys(process for budget in budgets for process in budget):
        yield (process, *(rounded(budget[process]) if process in budget else "-" for budget in budgets))
    yield ("**all**", *(rounded(sum(budget.values())) for budget in budgets))
