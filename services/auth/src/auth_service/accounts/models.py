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


@dataclass(frozen=True)
class Claim:
    """The right to a username and to all that looks like it."""

    skeleton: str
    username: str
    expires_at: int | None = None
    """Unix seconds; none once the address is verified."""

    def holds_against(self, username: str, now: float) -> bool:
        """Whether it keeps somebody from a username."""
        return self.username != username and (self.expires_at is None or self.expires_at > now)
