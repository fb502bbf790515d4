"""Who may know whom, and where a library may be."""

import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

PLACES = {
    "fastapi": {"endpoints", "dependencies", "schemas", "main", "worker"},  # schemas: `Query` and `Path` declare there
    "sqlalchemy": {"models", "repository"},
    "asyncpg": {"models", "repository"},
    "aioboto3": {"repository", "main", "worker"},
    "aiobotocore": {"repository", "main", "worker"},
    "boto3": {"repository", "main", "worker"},
    "botocore": {"errors", "repository", "main", "worker"},  # errors: what the SDK raises gets our names there
}
"""By library, the files of a service that may import it. Whatever else needs it belongs in servicekit."""

OUTSIDE_DOMAIN = {
    "aioboto3",
    "asyncpg",
    "fastapi",
    "httpx",
    "os",
    "pathlib",
    "socket",
    "sqlalchemy",
    "starlette",
    "valkey",
}
"""What a `domain` may not import: it does no I/O."""

PRIVATE_TO_A_ROOM = {"endpoints", "repository"}
"""What the rooms of a service keep from each other: a noun reaches another through its `service`."""

WIRING = {"dependencies", "main", "worker"}


@pytest.fixture(scope="module")
def graph(packages: list[str]) -> grimp.ImportGraph:
    return grimp.build_graph(*packages, include_external_packages=True)


def _imports(graph: grimp.ImportGraph, package: str) -> Iterator[tuple[str, str]]:
    for module in sorted({package} | graph.find_descendants(package)):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            yield module, imported


def _package(service: Path) -> str:
    return f"{service.name.replace('-', '_')}_service"


def test_the_contracts_are_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)

    status = lint_imports(config_filename=".importlinter", no_cache=True)

    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_no_package_is_left_out_of_the_contracts(root: Path, packages: list[str]) -> None:
    contracts = ConfigParser()
    contracts.read(root / ".importlinter")

    assert sorted(contracts["importlinter"]["root_packages"].split()) == packages


def test_libraries_stay_in_their_places(graph: grimp.ImportGraph, service: Path) -> None:
    strays = [
        f"{module} imports {imported}"
        for module, imported in _imports(graph, _package(service))
        if module.rpartition(".")[2] not in PLACES.get(imported, {module.rpartition(".")[2]})
    ]

    assert strays == [], "\n".join(strays)


def test_the_domain_does_no_io(graph: grimp.ImportGraph, service: Path) -> None:
    impure = [
        f"{module} imports {imported}"
        for module, imported in _imports(graph, _package(service))
        if module.endswith(".domain") and (imported in OUTSIDE_DOMAIN or imported.startswith("servicekit."))
        if imported != "servicekit.errors"
    ]

    assert impure == []


def test_a_noun_reaches_another_through_its_service(graph: grimp.ImportGraph, service: Path) -> None:
    """A room without a service is a store that others share; wiring names whatever it puts together."""
    package = _package(service)
    trespasses = [
        f"{module} imports {imported}"
        for module, imported in _imports(graph, package)
        if imported.rpartition(".")[2] in PRIVATE_TO_A_ROOM
        and f"{imported.rpartition('.')[0]}.service" in graph.modules
        and module.rpartition(".")[0] != imported.rpartition(".")[0]
        and module.rpartition(".")[2] not in WIRING
        and module != f"{package}.endpoints"  # the list of all rooms' routes
    ]

    assert trespasses == [], "\n".join(trespasses)


def test_contracts_depend_on_pydantic_alone(graph: grimp.ImportGraph) -> None:
    known = {imported.partition(".")[0] for _, imported in _imports(graph, "messenger_contracts")}

    assert known - sys.stdlib_module_names == {"messenger_contracts", "pydantic"}
