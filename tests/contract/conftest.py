"""What the services declare of themselves, as their folders have it."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def topics() -> set[tuple[str, str]]:
    """Every topic, by service and name."""
    return {
        (path.parents[1].name, name)
        for path in ROOT.glob("services/*/infra/topics.json")
        for name in json.loads(path.read_text())
    }


@pytest.fixture(scope="session")
def subscriptions() -> list[dict[str, Any]]:
    """Every subscription of every queue."""
    return [
        subscription
        for path in ROOT.glob("services/*/infra/queues.json")
        for queue in json.loads(path.read_text()).values()
        for subscription in queue["subscriptions"]
    ]
