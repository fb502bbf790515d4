"""How figures stand in a page for people."""

from collections.abc import Iterable

from .figures import Figure, rounded

NOTHING = "-"


def rows(lines: Iterable[Iterable[str]]) -> str:
    """Return lines of a table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return a table whose first column is words and whose others are numbers."""
    first, *others = head
    return rows([[first, *others], ["---", *("---:" for _ in others)], *lines])


def ranged(figure: Figure | None) -> str:
    """Return the median with the lowest and the highest round; a dash for what nobody measured."""
    if figure is None:
        return NOTHING
    if len(figure.rounds) == 1:
        return figure.text
    return f"{figure.text} ({rounded(min(figure.rounds))} to {rounded(max(figure.rounds))})"
