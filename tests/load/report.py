"""What a run leaves behind: JSON for programs, a page for people, a short table for who watches."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import orjson

from localcloud.console import table

from .figures import Figure, Results, rounded

_PAGE = """\
# Performance

Made by `{command}` ([tests/load](../tests/load)) on {date}, which measures again what stands here. The ratios say how
good the code is; the absolute numbers are this machine's, whose {cores} all of it shares: load generators, services,
PostgreSQL, Valkey, the AWS emulator.

| | |
| --- | --- |
{machine}

Medians of several rounds after a warm-up; in brackets the lowest and the highest. Every acknowledgement of the runs at
full speed was checked: none missing, none doubled, dense in its conversation; and over sockets every member was sent
every event, in order.

## Ratios

| ours to what | ratio |
| --- | ---: |
{ratios}

asyncpg alone commits the same rows to tables of the same definition on the same PostgreSQL, in the same groups as chat
did, one transaction at a time: no sockets, no checks, no locks, no publication, and the workers are halted.

## Numbers

| scenario | | median |
| --- | --- | ---: |
{numbers}

## What a send costs

CPU microseconds a durable send while the suite is saturated, by process with all its children. The workers follow at
their own speed, and fall behind: theirs is what they took meanwhile.

| process | {scenarios} |
| --- | {rules} |
{budgets}
"""


def save(folder: Path, results: Results, machine: dict[str, str]) -> Path:
    """Write the JSON, under the time of the run; returns where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_bytes(orjson.dumps({"machine": machine, **asdict(results)}, option=orjson.OPT_INDENT_2))
    return path


def page(results: Results, machine: dict[str, str], command: str) -> str:
    """Return the page for people."""
    return _PAGE.format(
        command=command,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        cores=machine["processor"].rpartition(", ")[2],
        machine=_rows((name, value) for name, value in machine.items()),
        ratios=_rows((figure.name, _ranged(figure)) for figure in results.ratios),
        numbers=_rows((scenario, figure.name, _ranged(figure)) for scenario, figure in _figures(results)),
        scenarios=" | ".join(results.budgets),
        rules=" | ".join("---:" for _ in results.budgets),
        budgets=_rows(_budget_rows(results)),
    )


def show(results: Results) -> None:
    """Print the short table."""
    rows = [(figure.text, figure.name) for figure in results.ratios]
    rows += [(figure.text, f"{scenario}: {figure.name}") for scenario, figure in _figures(results)]
    for scenario, budget in results.budgets.items():
        rows += [(f"{rounded(cost)} µs", f"{scenario}: CPU of {process} a send") for process, cost in budget.items()]
    table(("      median  of",), [(f"{value:>12}  {name}",) for value, name in rows])


def _figures(results: Results) -> Iterable[tuple[str, Figure]]:
    return ((scenario, figure) for scenario, figures in results.figures.items() for figure in figures)


def _ranged(figure: Figure) -> str:
    if len(figure.rounds) == 1:
        return figure.text
    return f"{figure.text} ({rounded(min(figure.rounds))} to {rounded(max(figure.rounds))})"


def _budget_rows(results: Results) -> Iterable[tuple[str, ...]]:
    budgets = list(results.budgets.values())
    for process in budgets[0] if budgets else ():
        yield (process, *(rounded(budget[process]) for budget in budgets))
    yield ("**all**", *(rounded(sum(budget.values())) for budget in budgets))


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
