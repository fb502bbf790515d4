"""The generator, on a repository with two small services."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from servicekit.documents import main

MAIN = '''
from contextlib import asynccontextmanager
from typing import ClassVar, Literal

from fastapi import APIRouter, FastAPI
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from servicekit.app import create_app
from servicekit.settings import ServiceSettings

router = APIRouter()


@router.get("/v1/NAME")
async def read() -> None:
    """Read it."""


class Settings(ServiceSettings):
    SERVICE: ClassVar[str] = "NAME"
    model_config = SettingsConfigDict(env_prefix="NAME_", extra="ignore", frozen=True)

    colour: Literal["red", "blue"] = "red"
    """The colour of it."""
    token: SecretStr = SecretStr("hush")
    """What nobody may see."""
    peers: list[str] | None = None
    """Whom it knows,
    in order."""


@asynccontextmanager
async def lifespan(app):
    raise AssertionError("a document needs no running app")
    yield {}


def create(settings: Settings) -> FastAPI:
    return create_app(settings, title="Messenger NAME", lifespan=lifespan, routers=[router])
'''
README = """# It

<!-- settings -->
<!-- /settings -->

<!-- endpoints -->
stale
<!-- /endpoints -->

The end.
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("gateway", "quiz"):
        folder = tmp_path / "services" / name
        package = folder / "src" / f"{name}_service"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "main.py").write_text(MAIN.replace("NAME", name))
        (folder / "README.md").write_text(README)
        (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\ndescription = "All about {name}"\n')
        monkeypatch.syspath_prepend(folder / "src")
    before = {name: module for name, module in sys.modules.items() if name.endswith(("_service", "_service.main"))}
    for name in before:
        del sys.modules[name]
    yield tmp_path
    for package_name in ("gateway_service", "quiz_service"):
        sys.modules.pop(f"{package_name}.main", None)
        sys.modules.pop(package_name, None)
    sys.modules.update(before)


def test_what_was_written_is_up_to_date(repository: Path) -> None:
    assert main([], repository) == 0
    assert main(["--check"], repository) == 0


def test_the_check_names_what_is_stale(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([], repository)
    (repository / "services/quiz/openapi.json").write_text("{}")

    assert main(["--check"], repository) == 1
    assert capsys.readouterr().err == "services/quiz/openapi.json is not up to date: run `make generate`\n"


def test_the_environment_does_not_show(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main([], repository)
    monkeypatch.setenv("QUIZ_COLOUR", "blue")

    assert main(["--check"], repository) == 0


def test_settings_are_tabled_with_their_meaning_and_without_secrets(repository: Path) -> None:
    main([], repository)

    readme = (repository / "services/quiz/README.md").read_text()
    assert "| `QUIZ_COLOUR` | `red` or `blue` | `red` | The colour of it. |" in readme
    assert "| `QUIZ_TOKEN` | secret | not shown | What nobody may see. |" in readme
    assert "| `QUIZ_PEERS` | `list[str]` | none | Whom it knows, in order. |" in readme
    assert "| `QUIZ_PORT` | `int` | `8000` | The port to listen on. |" in readme
    assert "hush" not in readme


def test_endpoints_are_tabled_and_the_rest_of_the_page_stays(repository: Path) -> None:
    main([], repository)

    readme = (repository / "services/quiz/README.md").read_text()
    assert "| GET | `/v1/quiz` | anyone | Read it. |" in readme
    assert "stale" not in readme
    assert readme.endswith("<!-- /endpoints -->\n\nThe end.\n")


def test_the_gateway_has_the_document_of_all(repository: Path) -> None:
    main([], repository)

    own = json.loads((repository / "services/quiz/openapi.json").read_text())
    public = json.loads((repository / "services/gateway/openapi.json").read_text())
    assert own["paths"].keys() == {"/v1/quiz"}
    assert public["paths"].keys() == {"/v1/quiz", "/v1/gateway"}


def test_a_page_without_a_place_for_the_table_is_named(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "services/quiz/README.md").write_text("# It\n")

    assert main([], repository) == 1
    assert "quiz/README.md needs <!-- settings -->" in capsys.readouterr().err
    assert (repository / "services/quiz/openapi.json").is_file()
