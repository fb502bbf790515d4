"""A session, as the table holds it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Session:
    """A sign-in on one device. Times are Unix seconds."""

    user_id: str
    session_id: str
    username: str
    generation: int
    """How often it was refreshed; the one refresh token that is good carries it."""
    rotated_at: int
    sealed_token: str | None
    """Cognito's refresh token, readable by us alone; gone when the session has ended."""
    access_expires_at: int
    """When the last access token that was given out expires."""
    created_at: int
    expires_at: int
    """The table's TTL."""
    device_name: str | None = None
    ended_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it may still be used."""
        return self.ended_at is None and self.expires_at > now
