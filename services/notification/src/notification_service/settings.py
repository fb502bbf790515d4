"""What notification is told by its environment."""

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from servicekit.inbox import RETRY_SECONDS
from servicekit.settings import ServiceSettings


class NotificationSettings(ServiceSettings):
    """Settings of the API and of the worker."""

    SERVICE: ClassVar[str] = "notification"
    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_", extra="ignore", frozen=True)

    valkey_url: str = "redis://127.0.0.1:6379/0"
    """The Valkey that carries pushes to the gateways; only the worker needs it."""
    visibility_seconds: int = 30
    """How long a received event stays hidden from other workers; renewed at half of it while work goes on."""
    retry_seconds: tuple[int, ...] = RETRY_SECONDS
    """The pauses before an event that failed is tried again; the last one holds for every further try."""
