"""Settings come from the environment, and unsafe ones do not start."""

from typing import ClassVar

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings


class SafeSettings(ServiceSettings):
    """Settings with a secret."""

    SERVICE: ClassVar[str] = "safe"
    model_config = SettingsConfigDict(env_prefix="SAFE_", extra="ignore", frozen=True)

    token: SecretStr = SecretStr("changeme")
    """What only we know."""


@pytest.mark.parametrize("environment", ["local", "test"])
def test_a_placeholder_is_good_enough_here(environment: str) -> None:
    assert SafeSettings(environment=environment).is_local


@pytest.mark.parametrize("placeholder", ["changeme", "ChangeMe", "password", "", "too short"])
@pytest.mark.parametrize("environment", ["dev", "prod", "production"])
def test_a_placeholder_is_refused_elsewhere(environment: str, placeholder: str) -> None:
    with pytest.raises(ValidationError, match="token is a placeholder"):
        SafeSettings(environment=environment, token=SecretStr(placeholder))


def test_a_real_secret_starts_and_does_not_show() -> None:
    settings = SafeSettings(environment="prod", token=SecretStr("Gx2-9fQ!-77mwz-p"))

    assert "Gx2" not in repr(settings)


def test_the_environment_is_read_under_the_service_s_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFE_PORT", "1234")
    monkeypatch.setenv("PORT", "4321")

    assert SafeSettings().port == 1234


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(SafeSettings(), "port", 1)  # noqa: B010 - a plain assignment does not pass the type checker


def test_resources_are_named_by_prefix_and_owner() -> None:
    settings = SafeSettings(resource_prefix="messenger-prod", region="eu-west-1", account_id="123456789012")

    assert settings.resource("events") == "messenger-prod-safe-events"
    assert settings.resource("identity-public", "gateway") == "messenger-prod-gateway-identity-public"
    assert settings.topic_arn("events", "chat") == "arn:aws:sns:eu-west-1:123456789012:messenger-prod-chat-events"
