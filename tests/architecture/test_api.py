"""What the services publish of themselves is complete, and as the code has it."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from messenger_contracts import schemas
from messenger_contracts.events import ALL
from servicekit.documents import EDGE, Service, discover, main
from servicekit.openapi import demands_identity, endpoints_of, operations

HEALTH = {("/livez", "get"), ("/readyz", "get")}


@pytest.fixture(scope="module")
def services(root: Path) -> Sequence[Service]:
    return discover(root)


def test_the_documents_are_up_to_date(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], root) == 0, capsys.readouterr().err


def test_the_event_schemas_are_up_to_date(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schemas.main(["--check", str(root / "libs/contracts/schemas")]) == 0, capsys.readouterr().err


def test_every_operation_has_a_problem(services: Sequence[Service]) -> None:
    lacking = [
        f"{service.name}: {method} {path}"
        for service in services
        for path, method, operation in operations(service.api.document)
        if "101" not in operation["responses"]
        and not any(
            "application/problem+json" in answer.get("content", {}) for answer in operation["responses"].values()
        )
    ]

    assert lacking == []


def test_no_two_paths_differ_only_in_the_names_of_their_parameters(root: Path) -> None:
    """OpenAPI 3.1 holds such paths for one, and tools choose either."""
    paths = json.loads((root / "services" / EDGE / "openapi.json").read_text())["paths"]
    shapes = Counter(re.sub(r"\{\w+\}", "{}", path) for path in paths)

    assert [shape for shape, count in shapes.items() if count > 1] == []


def test_every_operation_has_a_sentence(services: Sequence[Service]) -> None:
    silent = [
        f"{service.name}: {endpoint.method} {endpoint.path}"
        for service in services
        for endpoint in service.api.endpoints
        if not endpoint.summary
    ]

    assert silent == []


def test_behind_the_gateway_every_route_demands_a_signed_identity(services: Sequence[Service]) -> None:
    unguarded = [
        f"{service.name}: {method} {path}"
        for service in services
        if service.name != EDGE
        for path, method in {endpoint.key for endpoint in endpoints_of(service.app)} - demands_identity(service.app)
        if (path, method) not in HEALTH
    ]

    assert unguarded == []


def test_every_event_type_has_a_schema(root: Path) -> None:
    described = {path.stem for path in (root / "libs/contracts/schemas").glob("*.json")}

    assert described == ALL.keys()


def test_the_public_document_has_the_socket(root: Path) -> None:
    document = json.loads((root / "services" / EDGE / "openapi.json").read_text())

    assert "101" in document["paths"]["/v1/realtime"]["get"]["responses"]
