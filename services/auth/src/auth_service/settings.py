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
    keepers: dict[str, str] = {}
    """The addresses of the services that keep data of people, by name, as a JSON object."""
    s3_public_url: str = ""
    """Where people reach S3, if that is not where the service does."""
    settle_seconds: int = 15
    """How long an erasure takes at least: longer than services remember who there is (chat: 10 seconds)."""
    session_days: int = 30
    """How long a sign-in lasts: the client's RefreshTokenValidity."""
    mail_sender: str = "no-reply@messenger.example"
    """Who our mails come from; SES must know the domain."""
    public_origin: str = "http://127.0.0.1:8080"
    """The origin that clients see; the hosted UI sends browsers back to it."""
    hosted_ui_url: str = ""
    """The address of the user pool's hosted UI."""
    cognito_issuer: str = ""
    """The `iss` of the user pool's tokens."""
    cognito_jwks_url: str = ""
    """Where the user pool's keys are read."""
    oidc_providers: list[str] = []
    """Cognito's names of the providers that are set up, as a JSON list."""
    return_targets: list[str] = []
    """Where a browser may be sent after a provider, besides the public origin, as a JSON list: a URL, or an origin and
    `/` for every path of it."""

    @property
    def bucket(self) -> str:
        """The bucket of exports. Names of buckets are global, so the account's number is part of them."""
        return f"{self.resource('exports')}-{self.account_id}"
