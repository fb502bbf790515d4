"""What is kept of a sign-up until its address is verified."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SignUpRecord:
    """A sign-up that waits for its code. `sealed` holds address, account and password proof, readable by us alone."""

    username: str
    sealed: str
    expires_at: int
    """Unix seconds."""
