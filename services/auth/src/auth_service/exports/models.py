"""An export, as the table holds it: one row a person, of the newest."""

from dataclasses import dataclass, field
from typing import Literal

RUNNING = "running"
"""The attribute that has a row in the sparse index while its export is under way."""
State = Literal["running", "ready", "failed"]


@dataclass(frozen=True)
class Export:
    """A copy that somebody asked for. Times are Unix seconds."""

    user_id: str
    job: str
    state: State
    requested_at: int
    due_at: int
    """When the worker is to look at it next; moved ahead by who takes it, so that another does not."""
    requests: list[int] = field(default_factory=list)
    """When copies were asked for within the last day."""
    running: str | None = RUNNING
    tries: int = 0
    ready_at: int | None = None
    size: int | None = None
    """Bytes."""
    expires_at: int | None = None
    """When the archive and the row go: the table's TTL."""

    @property
    def key(self) -> str:
        """Where the archive lies in the bucket. It does not tell whose it is."""
        return f"exports/{self.job}.zip"
