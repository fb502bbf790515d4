"""What the gateway is told by its environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import IPvAnyNetwork
from pydantic_settings import SettingsConfigDict

from servicekit.rate_limit import Limit
from servicekit.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Settings of the gateway."""

    SERVICE: ClassVar[str] = "gateway"
    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore", frozen=True)

    public_origin: str = "http://127.0.0.1:8080"
    """The origin that clients see."""
    allowed_origins: list[str] = []
    """Exact origins of browser apps that may call across origins, as a JSON list."""
    valkey_url: str = "redis://127.0.0.1:6379/0"
    """The Valkey of limits, one-use tickets, ended sessions and live events."""
    auth_url: str = "http://127.0.0.1:8001"
    """Where auth answers."""
    chat_url: str = "http://127.0.0.1:8002"
    """Where chat answers."""
    media_url: str = "http://127.0.0.1:8004"
    """Where media answers."""
    notification_url: str = "http://127.0.0.1:8003"
    """Where notification answers."""
    cognito_client_id: str = ""
    """The app client whose access tokens are accepted."""
    cognito_issuer: str = ""
    """The `iss` of those tokens."""
    cognito_jwks_url: str = ""
    """Where the user pool's keys are read."""
    openapi_file: Path = Path("openapi.json")
    """The merged OpenAPI document that is served."""
    trusted_proxies: list[IPvAnyNetwork] = []
    """Networks of the proxies before the gateway, as a JSON list: what they append to `X-Forwarded-For` is believed."""
    user_requests_per_minute: int = 1200
    """Requests that one person may make."""
    address_requests_per_minute: int = 3000
    """Requests that may come from one address."""
    secret_requests_per_minute: int = 30
    """Requests to each route that takes a secret that may come from one address."""
    account_requests_per_minute: int = 15
    """Requests to each of those routes about one account, from devices on which nobody has signed in to it."""
    device_requests_per_minute: int = 15
    """Requests to each of those routes from one device on which somebody has signed in."""
    sockets_per_user: int = 20
    """Sockets that one person may hold on one gateway."""
    socket_operations_per_second: int = 100
    """Operations that one socket may ask for, on average; ten seconds' worth may come at once."""
    hello_seconds: float = 10.0
    """How long a client that has connected may take to say hello."""
    socket_queue_bytes: int = 1024 * 1024
    """What may wait to be sent to a client before it counts as too slow."""
    resume_limit: int = 10_000
    """The most events that a returning client is sent; one that missed more is told to sync."""
    reconcile_seconds: float = 5.0
    """How often positions are compared with chat's, so that a lost publication is noticed."""
    presence_seconds: float = 60.0
    """How long a gateway's word on how people are holds; it repeats it thrice as often."""
    presence_grace_seconds: float = 5.0
    """How long a person who has gone may take to come back before others are told."""
    close_spread_seconds: float = 2.0
    """Over how long a draining gateway closes its sockets."""

    @property
    def page_origins(self) -> set[str]:
        """The origins whose pages may speak for a browser's session. A laptop's loopback goes by either name."""
        origins = {self.public_origin, *self.allowed_origins}
        if self.is_local:
            origins |= {origin.replace("//127.0.0.1", "//localhost") for origin in origins}
        return origins

    def user_limit(self) -> Limit:
        """The limit of a person."""
        return Limit("user", self.user_requests_per_minute, 60)

    def address_limit(self) -> Limit:
        """The limit of an address."""
        return Limit("address", self.address_requests_per_minute, 60)

    def secret_limit(self) -> Limit:
        """The limit of an address on a route that takes a secret: closed when Valkey is away."""
        return Limit("secret", self.secret_requests_per_minute, 60, closed=True)

    def account_limit(self) -> Limit:
        """The limit of tries at one account's secret."""
        return Limit("account", self.account_requests_per_minute, 60, closed=True)

    def device_limit(self) -> Limit:
        """The limit of one device's tries."""
        return Limit("device", self.device_requests_per_minute, 60, closed=True)
