"""One conversation's log as a client holds it: dense, in order, each event once, whatever the network did.

Arithmetic only; who fetches what is missing is decided in `session`.
"""

from dataclasses import dataclass, field
from typing import Any

from messenger_contracts.shapes import Shape, Timestamp

SKIP = "skip"
MAX_AHEAD = 1000


class Event(Shape):
    """One event, of a type that this client may not know yet. A `skip` stands for all from `seq` to `to`."""

    c: str
    epoch: str = ""
    seq: int
    to: int | None = None
    type: str
    at: Timestamp | None = None
    by: str | None = None
    data: dict[str, Any] = {}

    @property
    def last(self) -> int:
        """The last position that it covers."""
        return self.seq if self.to is None else max(self.seq, self.to)


@dataclass
class Log:
    """Where a client stands in a log.

    Attributes:
        position: everything up to here was delivered.
        known: the highest position that is known to exist.
        epoch: of the positions; empty until the first event tells.
    """

    position: int = 0
    known: int = 0
    epoch: str = ""
    _ahead: dict[int, Event] = field(default_factory=dict)

    @property
    def behind(self) -> bool:
        """Whether something is known to be missing."""
        return self.position < self.known

    def learn(self, seq: int) -> None:
        """Hear that a position exists."""
        self.known = max(self.known, seq)

    def restarted(self, epoch: str, last_seq: int | None = None) -> bool:
        """Begin anew if the log is another one or ends before our position; tells whether it was so."""
        before, self.epoch = self.epoch, epoch or self.epoch
        same = not epoch or before in ("", epoch)
        if same and (last_seq is None or last_seq >= self.position):
            return False
        self.position = self.known = 0
        self._ahead.clear()
        return True

    def offer(self, event: Event) -> list[Event]:
        """Take an event in; return what can now be delivered, in order.

        One that was seen is dropped, one that comes too early waits. When too many wait they are dropped as well:
        `behind` stays true, and they will be fetched.
        """
        self.learn(event.last)
        if event.last > self.position:
            self._ahead[event.seq] = event
        deliverable = []
        while ready := self._take():
            self.position = ready.last
            deliverable.append(ready)
        if len(self._ahead) > MAX_AHEAD:
            self._ahead.clear()
        return deliverable

    def _take(self) -> Event | None:
        """Remove and return the event that continues the log; one that reaches across the position continues it too."""
        event = self._ahead.pop(self.position + 1, None)
        if event or not self._ahead:
            return event
        first = min(self._ahead)
        if first > self.position:
            return None
        event = self._ahead.pop(first)
        return event if event.last > self.position else self._take()
