"""All services are put into containers in the same way. Reads files alone, and needs no engine."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN_FILES = re.compile(r"^COPY services/NAME/\S+ \S+$|^# The API; .*$", re.MULTILINE)
OWN_NEEDS = re.compile(r"^# NAME's own: .*?\n\n", re.MULTILINE | re.DOTALL)
"""What a service needs of the system: one paragraph, that says so."""


def _shape(dockerfile: Path) -> list[str]:
    """A Dockerfile without the service's name, the files that only this service reads, and what only it needs."""
    name = dockerfile.parent.name
    package = name.replace("-", "_")
    text = dockerfile.read_text().replace(f"{package.upper()}_", "NAME_").replace(f"{package}_service", "NAME_service")
    text = OWN_NEEDS.sub("", re.sub(rf"\b{name}\b", "NAME", text))
    return [line for line in OWN_FILES.sub("", text).splitlines() if line]


def test_dockerfiles_differ_in_names_alone() -> None:
    shapes = {path.parent.name: _shape(path) for path in sorted(ROOT.glob("services/*/Dockerfile"))}

    assert all(shape == shapes["chat"] for shape in shapes.values())


def test_the_whole_system_is_all_of_the_services() -> None:
    included = set(re.findall(r"^  - (services/\S+)$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE))

    assert included == {str(path.relative_to(ROOT)) for path in ROOT.glob("services/*/docker-compose.yml")}
