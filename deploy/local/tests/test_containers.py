"""Provisioning for containers: one file a service, and the same credentials on every run."""

import os
import secrets

import pytest

from localcloud.containers import provision_containers
from localcloud.errors import LocalCloudError


@pytest.fixture
def given() -> dict[str, str]:
    """The environment of the one-shot container, with an account of its own."""
    return {
        "AWS_ACCESS_KEY_ID": "".join(secrets.choice("123456789") for _ in range(12)),
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "VALKEY_URL": "redis://valkey:6379/0",
        "PUBLIC_ORIGIN": "http://localhost:8080",
    }


def test_each_service_finds_its_environment_in_a_file(checkout, tmp_path, given) -> None:
    provision_containers(checkout.folder / "services", tmp_path / "out", "messenger-local", given)
    lines = (tmp_path / "out" / "gateway.env").read_text().splitlines()
    assert "GATEWAY_NOTES_URL=http://notes:8000" in lines
    assert "GATEWAY_ORIGIN=http://localhost:8080" in lines
    assert "GATEWAY_HOST=0.0.0.0" in lines
    assert "NOTES_VALKEY_URL=redis://valkey:6379/0" in (tmp_path / "out" / "notes.env").read_text()


def test_a_second_run_changes_nothing(checkout, tmp_path, given) -> None:
    services, out = checkout.folder / "services", tmp_path / "out"
    provision_containers(services, out, "messenger-local", given)
    before = (out / "notes.env").read_text()
    assert provision_containers(services, out, "messenger-local", given) == []
    assert (out / "notes.env").read_text() == before


def test_a_missing_address_is_named(checkout, tmp_path, given) -> None:
    del given["VALKEY_URL"]
    with pytest.raises(LocalCloudError, match="the environment lacks VALKEY_URL"):
        provision_containers(checkout.folder / "services", tmp_path / "out", "messenger-local", given)
