"""The part of the page that sets ours beside others; ratios first."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import limit
from ..figures import Figure, Results, rounded
from ..markdown import NOTHING, ranged, table
from ..pace import DELIVERY
from ..saturation import SENDS
from .peer import PACES
from .plot import dots
from .synapse import CONNECTIONS

PLOTS = "performance"
OURS = "ours"
LIMIT = "asyncpg alone"
NAMES = {OURS: OURS, "ejabberd": "ejabberd", "synapse": "Synapse", LIMIT: LIMIT}
_WIDTHS = ("10 conversations", "200 conversations")
_PACES = tuple(f"paced, {rate}/s" for rate in PACES)
_PARTS = ("p50", "p99")

_SECTION = """
## Next to others

`make bench-peers` on {date}: {machine}.

The servers took turns ({turns} each), each alone on the machine with a PostgreSQL of its own, of the same binaries and
settings; a ratio is of the same turn. Of sends more is better, of delays less.

{ratios}

![Durable sends a second]({plots}/sends.svg)
![From a send to the other's socket]({plots}/delays.svg)

{numbers}

What counts as sent is not the same everywhere:

- **ours** answers after the commit of the message and its log row, with their place in the conversation, and knows a
  repeated send by its id. All members' sockets, the sender's too, are sent every event. The workers publish to the
  emulated AWS, index for search and look for links meanwhile, as far as the same cores let them, for they have a lower
  priority, and do the rest afterwards.
- **ejabberd** tells the sender nothing. A message counts when its recipient's client has it, and a round ends when the
  archive in PostgreSQL has both rows of every message, which is checked. `mod_mam` archives everything, by 16
  connections to PostgreSQL; shapers off, no TLS. The sender is sent no copy.
- **Synapse** answers a `PUT` after the commit of the event, and PostgreSQL is found to have every event that it
  answered. {connections} connections with one send under way each; one process, rate limits and presence off. At full
  speed nobody polls `/sync`, which is how deliveries are seen in the paced run. It is paced at 10 a second, because it
  cannot sustain 500.
- **asyncpg alone** commits the rows that ours wrote, in the same groups, and does nothing else.

Ours and ejabberd have the same people, conversations and text, and the same number of messages under way.
"""


def section(date: str, machine: str, systems: Mapping[str, Results], versions: Mapping[str, str]) -> str:
    """Return the part of the page."""
    return _SECTION.format(
        date=date,
        machine=machine,
        turns=max((len(one.rounds) for one in systems[OURS].figures[_WIDTHS[0]] if one.name == SENDS), default=0),
        plots=PLOTS,
        ratios=table(("ours to", *_named(systems, versions)), _ratio_rows(systems)),
        numbers=table(("", *(NAMES[system] for system in (*systems, LIMIT))), _number_rows(systems)),
        connections=CONNECTIONS,
    )


def draw(folder: Path, systems: Mapping[str, Results]) -> None:
    """Write the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    sends = {width: _present(systems, width, SENDS) for width in _WIDTHS}
    delays = {f"{pace}, {part}": _present(systems, pace, f"{DELIVERY}, {part}") for pace in _PACES for part in _PARTS}
    (folder / "sends.svg").write_text(dots("Durable sends a second (logarithmic): more is better", sends))
    (folder / "delays.svg").write_text(dots("From a send to the other's socket (logarithmic): less is better", delays))


def figure(systems: Mapping[str, Results], system: str, scenario: str, name: str) -> Figure | None:
    """Return what a system did in a scenario; None for what it did not take part in."""
    if system == LIMIT:
        system, name = OURS, limit.NAME if name == SENDS else ""
    figures = systems[system].figures.get(scenario, ()) if system in systems else ()
    return next((one for one in figures if one.name == name), None)


def ratio(ours: Figure | None, other: Figure | None) -> Figure | None:
    """Return ours to another's, turn by turn."""
    if ours is None or other is None:
        return None
    return Figure("", "", [mine / theirs for mine, theirs in zip(ours.rounds, other.rounds, strict=True)])


def _scenarios() -> list[tuple[str, str]]:
    delays = [(pace, f"{DELIVERY}, {part}") for pace in _PACES for part in _PARTS]
    return [(width, SENDS) for width in _WIDTHS] + delays


def _others(systems: Mapping[str, Results]) -> list[str]:
    return [system for system in (*systems, LIMIT) if system != OURS]


def _named(systems: Mapping[str, Results], versions: Mapping[str, str]) -> list[str]:
    return [f"{NAMES[system]} {versions.get(system, '')}".rstrip() for system in _others(systems)]


def _ratio_rows(systems: Mapping[str, Results]) -> Iterable[list[str]]:
    for at in _scenarios():
        mine = figure(systems, OURS, *at)
        yield [": ".join(at), *(ranged(ratio(mine, figure(systems, other, *at))) for other in _others(systems))]


def _number_rows(systems: Mapping[str, Results]) -> Iterable[list[str]]:
    for at in _scenarios():
        yield [": ".join(at), *(ranged(figure(systems, system, *at)) for system in (*systems, LIMIT))]
    for width in _WIDTHS:
        costs = [_cost(systems[system].budgets.get(width)) for system in systems]
        yield [f"{width}: CPU a send, servers and load", *costs, NOTHING]


def _cost(budget: Mapping[str, float] | None) -> str:
    """Return the CPU microseconds of the servers, and of the load generators."""
    if budget is None:
        return NOTHING
    load = sum(cost for process, cost in budget.items() if process.startswith("load "))
    return f"{rounded(sum(budget.values()) - load)} + {rounded(load)} µs"


def _present(systems: Mapping[str, Results], scenario: str, name: str) -> list[tuple[str, Figure]]:
    found = [(NAMES[system], figure(systems, system, scenario, name)) for system in (*systems, LIMIT)]
    return [(label, one) for label, one in found if one is not None]
