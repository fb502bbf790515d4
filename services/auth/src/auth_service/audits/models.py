"""A security event as the table holds it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AuditRecord:
    """What happened, under whom or what it is about, in the order in which it did."""

    subject: str
    place: str
    """The time and the event's id: sorts by time."""
    type: str
    at: str
    data: dict[str, Any]
    expires_at: int
    """The table's TTL, in Unix seconds."""
    unnoticed: str | None = None
    """The mark of what its person has not been written to about; see `notices`."""
