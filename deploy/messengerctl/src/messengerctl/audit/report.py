"""What an audit found: every event and every file that is missing, doubled or out of place, by name."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What is wrong with an event, or with what media keeps."""

    MISSING = "missing"
    DOUBLED = "doubled"
    MISPLACED = "misplaced"


class Place(StrEnum):
    """Where it is wrong."""

    LOG = "log"
    MESSAGES = "messages"
    OUTBOX = "outbox"
    LEDGER = "ledger"
    INBOX = "inbox"
    FILES = "files"
    BUCKET = "bucket"
    QUOTAS = "quotas"


@dataclass(frozen=True, order=True)
class Finding:
    """One event, or one thing of media's, that is not where, or not as often, or not as much, as it should be."""

    place: Place
    fault: Fault
    event: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.fault} in {self.place}: {self.event}"


@dataclass
class Report:
    """The whole outcome.

    Attributes:
        counts: how many were looked at, by what they are.
        findings: what is wrong; empty when all is well.
        waiting: what had not been carried to its end when the time was up, by where it waits.
        dead_letters: messages that a queue gave up, by queue; what they held is among the findings if it was ours.
    """

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def lost(self) -> int:
        """How many events, files or objects are missing somewhere."""
        return len({finding.event for finding in self.findings if finding.fault is Fault.MISSING})

    @property
    def doubled(self) -> int:
        """How many events, files or objects are somewhere more than once, or where they do not belong."""
        return len({finding.event for finding in self.findings if finding.fault is not Fault.MISSING})
