"""Numbers of one run: several rounds each, told by their median."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One quantity; `of` names what it is a part of, for a table of its own."""

    name: str
    unit: str
    rounds: Sequence[float]

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)

    @property
    def text(self) -> str:
        """The median as a person reads it, with the unit."""
        return f"{rounded(self.value)} {self.unit}".rstrip()


@dataclass
class Results:
    """Everything that was measured: figures, by scenario, and the CPU that a message costs, by scenario and process."""

    figures: dict[str, list[Figure]] = field(default_factory=dict)
    budgets: dict[str, dict[str, float]] = field(default_factory=dict)
    ratios: list[Figure] = field(default_factory=list)

    def add(self, scenario: str, *figures: Figure) -> None:
        """Keep figures of a scenario."""
        self.figures.setdefault(scenario, []).extend(figures)

    def figure(self, scenario: str, name: str) -> Figure:
        """Return one figure; raises `KeyError` or `StopIteration` if nobody measured it."""
        return next(figure for figure in self.figures[scenario] if figure.name == name)


def merged(turns: Sequence[Results]) -> Results:
    """Return what several runs of the same scenarios measured, as if they were rounds of one; a budget is a median."""
    whole = Results()
    for scenario in turns[0].figures:
        whole.add(scenario, *(_joined(each) for each in zip(*(turn.figures[scenario] for turn in turns), strict=True)))
    whole.ratios.extend(_joined(each) for each in zip(*(turn.ratios for turn in turns), strict=True))
    for scenario, budget in turns[0].budgets.items():
        costs = {process: median(turn.budgets[scenario][process] for turn in turns) for process in budget}
        whole.budgets[scenario] = costs
    return whole


def _joined(figures: Sequence[Figure]) -> Figure:
    first = figures[0]
    return Figure(first.name, first.unit, [value for figure in figures for value in figure.rounds])


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which `part` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def rounded(value: float) -> str:
    """Three digits that say something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
