"""What was sent and acknowledged, and what each member's sockets told: the witnesses' own record, free of I/O.

Nothing in it is read back from the suite, so that the suite can be held against it.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from messenger_contracts.commands import Sent
from messengerctl.client import Event


class Heard(NamedTuple):
    """An event as a member was told it: the positions that it covers, and what it was about."""

    seq: int
    last: int
    about: str


@dataclass
class Sending:
    """A message on its way; `sent` is its acknowledgement."""

    conversation: str
    by: str
    sent: Sent | None = None


Stream = list[Heard]


@dataclass
class Ledger:
    """Everything that the witnesses know.

    Attributes:
        sendings: by the sender's UUID.
        streams: what each member heard, by conversation and member, in the order of hearing.
        refused: sends that were refused for good, which none should be.
        silence: the longest time in seconds in which nothing was acknowledged.
    """

    sendings: dict[str, Sending] = field(default_factory=dict)
    streams: defaultdict[tuple[str, str], Stream] = field(default_factory=lambda: defaultdict(list))
    refused: list[str] = field(default_factory=list)
    acknowledged: int = 0
    silence: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Count silence from now on."""
        self._last = time.monotonic()

    def acknowledge(self, client_id: str, sent: Sent) -> None:
        """Note that a send is durable."""
        self.sendings[client_id].sent = sent
        self.acknowledged += 1
        now = time.monotonic()
        self.silence, self._last = max(self.silence, now - self._last), now

    def hear(self, user: str, event: Event) -> None:
        """Note what a member was told."""
        self.streams[event.c, user].append(heard_of(event))


def heard_of(event: Event) -> Heard:
    """What is remembered of an event."""
    about = event.data.get("client_id") or event.data.get("user_id") or ""
    return Heard(event.seq, event.last, f"{event.type} {about}".rstrip())
