"""A session, as the table holds it, and what one begins with."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["token", "cookie"]
"""What a session is held by: tokens, which a program keeps, or a cookie, which a browser does."""


@dataclass(frozen=True)
class Client:
    """Where a request comes from, as the gateway tells."""

    address: str = ""
    agent: str = ""
    """The `User-Agent`."""
    device: str | None = None
    """The token by which the device is known."""


@dataclass(frozen=True)
class Opening:
    """How a session shall begin. It is made by whoever has proved who they are, in whatever way."""

    kind: Kind
    client: Client
    login: str = ""
    """What the person named themselves by; the username where nothing was typed."""
    device_name: str | None = None


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
    kind: Kind = "token"
    address: str = ""
    """From where it was used last: when it began, or was renewed."""
    user_agent: str = ""
    """The `User-Agent` of then."""
    unnoticed: str | None = None
    """The mark of a session on a new device, whose person has not been written to; see `notices`."""

    def is_live(self, now: int) -> bool:
        """Whether it may still be used."""
        return self.ended_at is None and self.expires_at > now
