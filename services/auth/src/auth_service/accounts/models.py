"""What is kept of a sign-up until its address is verified, and of a person from then on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SignUpRecord:
    """A sign-up that waits for its code. `sealed` holds address, account and password proof, readable by us alone."""

    username: str
    sealed: str
    expires_at: int
    """Unix seconds."""


@dataclass(frozen=True)
class PersonRecord:
    """A person whose address is verified. An id never changes its owner."""

    user_id: str
    username: str
