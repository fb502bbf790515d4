"""What there is to check: the services as their folders show them, and the syntax of our own code."""

import ast
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent for path in ROOT.glob("services/*/pyproject.toml"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `service` once for each."""
    if "service" in metafunc.fixturenames:
        metafunc.parametrize("service", SERVICES, ids=lambda folder: folder.name)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def packages() -> list[str]:
    """Every package of our own."""
    return sorted(path.parent.name for path in ROOT.glob("*/*/src/*/__init__.py"))


@pytest.fixture(scope="session")
def sources() -> Sequence[Path]:
    """Every Python file that runs in production: of libraries, services and their migrations."""
    return sorted(
        path
        for pattern in ("libs/*/src/**/*.py", "services/*/src/**/*.py", "services/*/migrations/**/*.py")
        for path in ROOT.glob(pattern)
    )


@pytest.fixture(scope="session")
def tracked() -> Sequence[Path]:
    """Every file of the project that git knows or would take up."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="session")
def syntax() -> Callable[[Path], ast.Module]:
    """The syntax tree of a file."""
    return cache(lambda path: ast.parse(path.read_text(), str(path)))
