"""Who hears of a message, as far as the log tells. No I/O.

The relay decides on a message's recipients when it publishes it, a moment after it was sent. Who came or went, or
blocked the sender, about that time is therefore neither missed nor held against anybody. When a group ends, all go.
"""

from bisect import bisect_left
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import NamedTuple

ALWAYS_TOLD = 100
"""Larger groups may be told of mentions alone: where that begins is a setting of chat, CHAT_NOTIFY_ALL."""


class Change(NamedTuple):
    """Somebody joined a conversation, or left it."""

    seq: int
    user: str
    joined: bool


@dataclass(frozen=True)
class Audience:
    """Who hears of a message: everybody in `must`, and nobody who is not in `may`."""

    must: frozenset[str]
    may: frozenset[str]


class Membership:
    """Who came into one conversation and who left it, and when."""

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        """Take the changes in the order of the log."""
        last = {change.user: change for change in changes}
        self._all = frozenset(last)
        self._stayed = sorted(change for change in last.values() if change.joined)
        self._known: dict[tuple[str, int], Audience] = {}

    def audience(self, seq: int, sender: str, blockers: Set[str]) -> Audience:
        """Who hears of a message at this place; `blockers` block its sender, or did at some time."""
        present = bisect_left(self._stayed, (seq,))
        if (sender, present) not in self._known:
            may = self._all - {sender}
            must = may.intersection(change.user for change in self._stayed[:present]) - blockers
            self._known[sender, present] = Audience(must if present <= ALWAYS_TOLD else frozenset(), may)
        return self._known[sender, present]
