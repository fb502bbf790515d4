"""Writes what is known from code, so that nobody keeps it by hand: OpenAPI documents and the tables of the READMEs.

``python -m servicekit.documents`` at the root of the repository writes; with ``--check`` it exits 1 and names what
differs. A tool of the build: it loads the services by name, builds their apps, and starts nothing.
"""

import importlib
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from fastapi import FastAPI
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from servicekit.openapi import Endpoint, ServiceApi, describe, merge
from servicekit.settings import ServiceSettings

EDGE = "gateway"
PUBLIC_TITLE = "Messenger"
PUBLIC_SUMMARY = "Conversations, people, files and notifications. One origin; errors are problem details (RFC 9457)."


class DocumentError(Exception):
    """A document has no place for what is to be written into it."""


@dataclass(frozen=True)
class Service:
    """A service as its folder holds it."""

    folder: Path
    summary: str
    settings: type[ServiceSettings]
    app: FastAPI

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def api(self) -> ServiceApi:
        """What it offers."""
        return describe(self.app, self.name, self.summary)


def discover(root: Path) -> list[Service]:
    """Every service that has an API, its app built from the defaults of its settings, whatever the environment says."""
    return [_load(path.parents[2]) for path in sorted(root.glob("services/*/src/*_service/main.py"))]


def _load(folder: Path) -> Service:
    create = importlib.import_module(f"{folder.name.replace('-', '_')}_service.main").create
    settings = inspect.get_annotations(create, eval_str=True)["settings"]
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return Service(folder, project["description"], settings, create(settings.model_construct()))


def render(services: Sequence[Service]) -> tuple[dict[Path, str], list[str]]:
    """The text that every generated document should have, and what is wrong with pages that have no place for it."""
    apis = [service.api for service in services]
    wanted: dict[Path, str] = {}
    complaints: list[str] = []
    for service, api in zip(services, apis, strict=True):
        document = merge(PUBLIC_TITLE, PUBLIC_SUMMARY, apis) if service.name == EDGE else api.document
        wanted[service.folder / "openapi.json"] = _json(document)
        try:
            wanted[service.folder / "README.md"] = _readme(service, api)
        except DocumentError as error:
            complaints.append(str(error))
    return wanted, complaints


def _readme(service: Service, api: ServiceApi) -> str:
    file = service.folder / "README.md"
    text = file.read_text() if file.is_file() else ""
    for block, content in (
        ("settings", settings_table(service.settings)),
        ("endpoints", endpoint_table(api.endpoints)),
    ):
        text = _fill(file, text, block, content)
    return text


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _fill(file: Path, text: str, block: str, content: str) -> str:
    """Put content between a block's markers. Raises `DocumentError` where they are missing."""
    pattern = re.compile(rf"(<!-- {block} -->\n).*?(<!-- /{block} -->)", re.DOTALL)
    filled, count = pattern.subn(lambda found: f"{found[1]}{content}\n{found[2]}", text)
    if count != 1:
        raise DocumentError(f"{file} needs <!-- {block} --> and <!-- /{block} --> once, on lines of their own")
    return filled


def settings_table(settings: type[ServiceSettings]) -> str:
    """A service's own settings, and then those that every service has."""
    prefix = settings.model_config.get("env_prefix", "")
    rows = {name: _setting(f"{prefix}{name}".upper(), field) for name, field in settings.model_fields.items()}
    shared = ServiceSettings.model_fields.keys()
    heads = ("Variable", "Type", "Default", "Meaning")
    own = [row for name, row in rows.items() if name not in shared]
    inherited = _table(heads, [row for name, row in rows.items() if name in shared])
    return f"{_table(heads, own)}\n\nEvery service has these too:\n\n{inherited}" if own else inherited


def _setting(variable: str, field: FieldInfo) -> tuple[str, ...]:
    return f"`{variable}`", _type(field.annotation), _default(field), field.description or ""


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_type(part) for part in get_args(annotation) if part is not NoneType)
    if annotation is SecretStr:
        return "secret"
    return f"`{annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else annotation}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, SecretStr):
        return "not shown"
    if default is None or default == "":
        return "none"
    return f"`{json.dumps(default, default=str) if not isinstance(default, str) else default}`"


def endpoint_table(endpoints: Iterable[Endpoint]) -> str:
    """Every operation, and who may call it."""
    return _table(
        ("Method", "Path", "For", "Does"),
        [
            (
                "socket" if endpoint.socket else endpoint.method,
                f"`{endpoint.path}`",
                endpoint.audience,
                endpoint.summary,
            )
            for endpoint in endpoints
        ],
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """One line, whose bars are no borders."""
    return " ".join(text.split()).replace("|", "&#124;")


def main(arguments: Sequence[str], root: Path) -> int:
    """Write or check the documents; returns the exit code."""
    wanted, complaints = render(discover(root))
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
    if "--check" in arguments:
        complaints += [f"{path.relative_to(root)} is not up to date: run `make generate`" for path in stale]
    else:
        for path in stale:
            path.write_text(wanted[path])
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
