"""Settings come from the environment, once, and are refused when they are unsafe."""

from typing import ClassVar, Literal, Self

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PLACEHOLDERS = frozenset({"", "changeme", "changethis", "password", "placeholder", "postgres", "secret", "test"})
MINIMUM_SECRET_LENGTH = 12


class ServiceSettings(BaseSettings):
    """What every service is told. Subclasses set `SERVICE` and the environment prefix, such as `CHAT_`."""

    SERVICE: ClassVar[str]
    model_config = SettingsConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    environment: str = "local"
    """Where the process runs: local, test, dev, prod."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8000
    """The port to listen on."""
    resource_prefix: str = "messenger-local"
    """`{project}-{environment}`, the first part of every resource's name."""
    region: str = "us-east-1"
    """The AWS region of the resources."""
    account_id: str = "000000000000"
    """The AWS account of the resources."""
    log_format: Literal["json", "text"] = "json"
    """One JSON object a line, or text for a person."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The lowest level that is written."""
    otlp_endpoint: str | None = None
    """The OTLP/HTTP collector for traces and metrics; none: neither leaves the process."""
    trace_ratio: float = 0.05
    """The part of the traces that starts here and is recorded, 0 to 1."""
    drain_seconds: float = 20.0
    """How long running work may take after SIGTERM."""
    key_seconds: float = 300.0
    """How long keys are held before Secrets Manager is asked again; the same in every process. A new key makes tokens
    after twice that."""
    body_limit: int = 256 * 1024
    """The largest request body, in bytes."""

    @model_validator(mode="after")
    def _refuse_placeholders(self) -> Self:
        if self.is_local:
            return self
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr) and (
                value.get_secret_value().lower() in PLACEHOLDERS
                or len(value.get_secret_value()) < MINIMUM_SECRET_LENGTH
            ):
                raise ValueError(f"{name} is a placeholder, which only a local run may use")
        return self

    @property
    def is_local(self) -> bool:
        """Whether this is a laptop or a test, where placeholders are allowed."""
        return self.environment in {"local", "test"}

    @property
    def client_name(self) -> str:
        """What our connections are called at servers that tell of them."""
        return f"{self.resource_prefix}-{self.SERVICE}"

    def resource(self, name: str, service: str | None = None) -> str:
        """The name of a resource that this service, or another, owns."""
        return f"{self.resource_prefix}-{service or self.SERVICE}-{name}"

    def topic_arn(self, name: str, service: str | None = None) -> str:
        """The ARN of an SNS topic that this service, or another, owns."""
        return f"arn:aws:sns:{self.region}:{self.account_id}:{self.resource(name, service)}"
