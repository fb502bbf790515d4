"""What the pool holds and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Account:
    """A person, as the pool knows them."""

    user_id: str
    username: str
    display_name: str
    created_at: datetime
    verified: bool
    email: str = ""
    has_totp: bool = False
    """Whether sign-ins by password ask for an authenticator's code."""
    enabled: bool = True
    """Not, as soon as its person has asked to be erased."""
    is_external: bool = False
    """Whether Cognito made it of an identity elsewhere; see `federations`."""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grant:
    """Tokens that the pool gave. `session_id` is `origin_jti`, which stays the same through every refresh."""

    user_id: str
    username: str
    session_id: str
    access_token: str
    expires_at: int
    """Unix seconds."""
    expires_in: int
    refresh_token: str | None
    """Only a sign-in gives one."""
    asked_at: int
    """Microseconds of Unix time, just before Cognito was asked whether it is the person: so long ago it may be that
    what they proved it with was right. For a challenge that is when the password was looked at."""
    groups: tuple[str, ...] = ()
    """As of now; the access token says the same."""


@dataclass(frozen=True)
class Challenge:
    """The password was right, and a code of the authenticator is due within minutes."""

    username: str
    session: str
    asked_at: int
    """As of a `Grant`."""
