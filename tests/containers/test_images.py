"""What an image is: small, without privileges, and with nothing in it that does not run there."""

import json
from pathlib import Path
from typing import Any

import pytest

BASE = "python:3.13-slim"
BUDGET = 120_000_000
"""Bytes that an image may add to its base."""
LARGER = {"media": 650_000_000}
"""Those of images that need a program of Debian's: media has ffmpeg, with the decoders that it is made of."""

STRANGERS = """
import pathlib, pkgutil
print(*{"pip", "uv", "pytest", "localcloud", "messengerctl"} & {module.name for module in pkgutil.iter_modules()})
print(*[path for path in pathlib.Path("/app").rglob("*") if path.name in {"test", "tests"} and path.is_dir()])
print(*pathlib.Path("/app/packages").rglob("testing.py"))
"""

pytestmark = [pytest.mark.container, pytest.mark.usefixtures("images")]


def _size(docker: Any, image: str) -> int:
    return sum(map(int, docker("history", "--human=false", "--format", "{{.Size}}", image).split()))


@pytest.fixture
def config(docker: Any, service: str) -> dict[str, Any]:
    """The image's configuration."""
    (image,) = json.loads(docker("image", "inspect", f"messenger/{service}"))
    return dict(image["Config"])


def test_an_image_adds_little_to_its_base(docker: Any, service: str) -> None:
    assert _size(docker, f"messenger/{service}") - _size(docker, BASE) < LARGER.get(service, BUDGET)


def test_an_image_runs_without_privileges(config: dict[str, Any]) -> None:
    assert config["User"] == "65532:65532"


def test_an_image_says_how_it_is_and_how_it_ends(config: dict[str, Any]) -> None:
    assert config["StopSignal"] == "SIGTERM"
    assert "/livez" in config["Healthcheck"]["Test"][-1]


def test_an_image_says_what_it_is(config: dict[str, Any], service: str) -> None:
    assert config["Labels"]["org.opencontainers.image.title"] == f"Messenger {service}"


@pytest.mark.parametrize("python", ["python", "/usr/bin/env -i /usr/local/bin/python3"])
def test_an_image_holds_no_tools_and_no_tests(docker: Any, service: str, python: str) -> None:
    command = [*python.split(), "-c", STRANGERS]

    found = docker("run", "--rm", "--network=none", "--read-only", f"messenger/{service}", *command)

    assert found.split() == []


def test_every_process_of_an_image_can_be_imported(docker: Any, service: str) -> None:
    package = f"{service.replace('-', '_')}_service"
    root = Path(__file__).parents[2]
    names = [name for name in ("main", "worker") if (root / f"services/{service}/src/{package}/{name}.py").exists()]
    imports = "; ".join(f"import {package}.{name}" for name in names)

    docker(
        "run", "--rm", "--network=none", "--read-only", f"messenger/{service}", "python", "-W", "error", "-c", imports
    )
