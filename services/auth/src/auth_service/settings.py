"""What auth is told by its environment."""

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings


class AuthSettings(ServiceSettings):
    """Settings of the API and of the worker."""

    SERVICE: ClassVar[str] = "auth"
    model_config = SettingsConfigDict(env_prefix="AUTH_", extra="ignore", frozen=True)

    user_pool_id: str = ""
    """The Cognito user pool that holds the accounts."""
    user_pool_client_id: str = ""
    """The pool's client that auth signs people in with; its secret is read from Cognito."""
    valkey_url: str = "redis://127.0.0.1:6379/0"
    """The Valkey on which ended sessions are announced."""
    session_days: int = 30
    """How long a sign-in lasts: the client's RefreshTokenValidity."""
