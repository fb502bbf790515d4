"""Every service looks the same, and every file has a size and a name that a reader can bear."""

import ast
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

SAME_IN_EVERY_SERVICE = (
    "Dockerfile",
    "README.md",
    "docker-compose.yml",
    "infra",
    "infra/environment.json",
    "infra/policy.json",
    "openapi.json",
    "pyproject.toml",
    "src",
    "tests",
)
README_HEADINGS = ("Owns", "Settings", "Endpoints", "Events", "Runbook")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "lib", "tools", "functions"}
MAIN_LINES = 40
FILE_LINES = 400
FUNCTION_LINES = 60
MACHINE_PATHS = re.compile(r"/(home|Users)/[a-z]\w+/|C:\\Users\\|/private/var/|/mnt/[a-z]/")


@pytest.mark.parametrize("name", SAME_IN_EVERY_SERVICE)
def test_a_service_has_the_same_files_as_any_other(service: Path, name: str) -> None:
    assert (service / name).exists()


def test_a_readme_tells_the_same_in_the_same_order(service: Path) -> None:
    headings = re.findall(r"^## (\w+)", (service / "README.md").read_text(), re.MULTILINE)

    assert [heading for heading in headings if heading in README_HEADINGS] == list(README_HEADINGS)


def test_a_composition_root_fits_on_a_page(service: Path) -> None:
    (main,) = service.glob("src/*_service/main.py")

    assert len(main.read_text().splitlines()) <= MAIN_LINES


def test_no_file_is_too_long(root: Path, tracked: Sequence[Path]) -> None:
    long = {
        str(path.relative_to(root)): lines
        for path in tracked
        if path.suffix == ".py" and (lines := len(path.read_text().splitlines())) > FILE_LINES
    }

    assert long == {}


def test_no_function_is_too_long(root: Path, sources: Sequence[Path], syntax: Callable[[Path], ast.Module]) -> None:
    long = [
        f"{path.relative_to(root)}:{node.lineno} {node.name}"
        for path in sources
        if "migrations" not in path.parts
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]

    assert long == []


def test_no_file_has_a_name_that_says_nothing(root: Path, tracked: Sequence[Path]) -> None:
    vague = [str(path.relative_to(root)) for path in tracked if path.suffix == ".py" and path.stem in VAGUE_NAMES]

    assert vague == []


def test_every_module_says_why_it_exists(
    root: Path, sources: Sequence[Path], syntax: Callable[[Path], ast.Module]
) -> None:
    silent = [
        str(path.relative_to(root))
        for path in sources
        if path.read_text().strip() and not ast.get_docstring(syntax(path))
    ]

    assert silent == []


def test_nothing_names_a_place_on_one_machine(root: Path, tracked: Sequence[Path]) -> None:
    places = re.compile(f"{MACHINE_PATHS.pattern}|{re.escape(f'{root}/')}")
    naming = [
        str(path.relative_to(root))
        for path in tracked
        if path != Path(__file__) and places.search(path.read_text(errors="replace"))
    ]

    assert naming == []


def test_the_lock_file_names_the_public_index_alone(root: Path) -> None:
    registries = set(re.findall(r'registry = "([^"]+)"', (root / "uv.lock").read_text()))

    assert registries == {"https://pypi.org/simple"}
