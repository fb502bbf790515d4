"""An erasure, as the table holds it."""

from dataclasses import dataclass, field

RUNNING = "running"
"""The attribute that has a row in the sparse index while its erasure is under way."""


@dataclass(frozen=True)
class Erasure:
    """The wish of a person to be forgotten. Times are Unix seconds. When it is done, it no longer says whose it was."""

    id: str
    requested_at: int
    due_at: int
    """When the worker is to look at it next; moved ahead by who takes it, so that another does not."""
    user_id: str = ""
    username: str = ""
    logins: list[str] = field(default_factory=list)
    """The pseudonyms under which failed sign-ins stand in the security log."""
    running: str | None = RUNNING
    asked_at: int = 0
    """When the services were told last."""
    tries: int = 0
    left: dict[str, int] = field(default_factory=dict)
    """How many things each service has left, as of the last look; -1 if it did not answer."""
    completed_at: int | None = None
    expires_at: int | None = None
    """The table's TTL, set when it is done."""
