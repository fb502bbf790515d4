"""What the pool holds and gives."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Account:
    """A person, as the pool knows them."""

    user_id: str
    username: str
    display_name: str
    created_at: datetime
    verified: bool


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
