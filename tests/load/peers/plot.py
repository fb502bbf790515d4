"""A plot as SVG: a dot for each median on a logarithmic axis, and a line from the lowest round to the highest.

Drawn by hand, because that is less than a plotting library needs to be told to be legible on light and dark alike.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ..figures import Figure

_WIDTH, _LEFT, _RIGHT = 780, 150, 90
_ROW, _HEAD, _TOP, _FOOT = 24, 30, 36, 30
_STYLE = """\
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}.group{font-weight:600}
.tick{font-size:11px;text-anchor:middle;fill:#59636e}.label{text-anchor:end}.grid{stroke:#d1d9e0}
.range{stroke-width:3;stroke-linecap:round}.ours{fill:#0969da;stroke:#0969da}.other{fill:#818b98;stroke:#818b98}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.tick{fill:#9198a1}.grid{stroke:#3d444d}
.ours{fill:#4493f8;stroke:#4493f8}}"""


class _Axis:
    """Where a value stands between the decades around all of them."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        values = [value for figure in figures for value in figure.rounds]
        self.first = math.floor(math.log10(min(values)))
        self.last = max(self.first + 1, math.ceil(math.log10(max(values))))

    def at(self, value: float) -> float:
        """Return the place from the left."""
        part = (math.log10(value) - self.first) / (self.last - self.first)
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    @property
    def decades(self) -> list[float]:
        """Every power of ten on it."""
        return [10.0**power for power in range(self.first, self.last + 1)]


def dots(title: str, groups: Mapping[str, Sequence[tuple[str, Figure]]]) -> str:
    """Return a plot of figures that share a unit, in groups; the first of each group is ours."""
    axis = _Axis(figure for rows in groups.values() for _, figure in rows)
    unit = next(figure.unit for rows in groups.values() for _, figure in rows)
    bottom = _TOP + sum(_HEAD + _ROW * len(rows) for rows in groups.values())
    drawn = [f'<text class="title" x="8" y="20">{escape(title)}</text>', *_grid(axis, unit, bottom)]
    place = _TOP
    for name, rows in groups.items():
        drawn.append(f'<text class="group" x="8" y="{place + 20}">{escape(name)}</text>')
        place += _HEAD
        for number, (label, figure) in enumerate(rows):
            drawn += _row(axis, label, figure, place + _ROW // 2, "other" if number else "ours")
            place += _ROW
    size = f'width="{_WIDTH}" height="{bottom + _FOOT}" viewBox="0 0 {_WIDTH} {bottom + _FOOT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">'
    return "\n".join((head, f"<style>{_STYLE}</style>", *drawn, "</svg>", ""))


def _grid(axis: _Axis, unit: str, bottom: int) -> Iterable[str]:
    for value in axis.decades:
        x = axis.at(value)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 18}">{value:,g} {escape(unit)}</text>'


def _row(axis: _Axis, label: str, figure: Figure, y: int, whose: str) -> Iterable[str]:
    low, middle, high = (axis.at(value) for value in (min(figure.rounds), figure.value, max(figure.rounds)))
    yield f'<text class="label" x="{_LEFT - 12}" y="{y + 4}">{escape(label)}</text>'
    yield f'<line class="range {whose}" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
    yield f'<circle class="{whose}" cx="{middle:.1f}" cy="{y}" r="5"/>'
    yield f'<text x="{high + 12:.1f}" y="{y + 4}">{escape(figure.text)}</text>'
