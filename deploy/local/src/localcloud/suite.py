"""Which services there are, found by their folders, and what each of their processes is told.

The conventions stand here once: package and command names, variables, addresses. What a service needs beyond
them it says in its infra/environment.json.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.processes import Program, answers, free_port, is_free
from localcloud.provision import AccessKey, Infra, load_infra, variable_prefix, wire

GATEWAY = "gateway"
PREFIX = "messenger-local"
_PORTS_TRIED = 200


@dataclass(frozen=True)
class Member:
    """A service of the suite."""

    folder: Path
    infra: Infra

    @property
    def name(self) -> str:
        """The name of its folder: `social-graph`."""
        return self.folder.name

    @property
    def package(self) -> str:
        """The Python package: `social_graph_service`."""
        return f"{self.name.replace('-', '_')}_service"

    @property
    def commands(self) -> dict[str, str]:
        """The module of each of its processes, by the process's name."""
        modules = {self.name: "main", f"{self.name} worker": "worker"}
        source = self.folder / "src" / self.package
        return {
            name: f"{self.package}.{module}" for name, module in modules.items() if (source / f"{module}.py").exists()
        }

    @property
    def database(self) -> str:
        """The name of its database, and of the role that owns it."""
        return self.name.replace("-", "_")

    @property
    def has_database(self) -> bool:
        """Whether it owns a PostgreSQL database."""
        return (self.folder / "alembic.ini").exists()

    @property
    def newest_revision(self) -> str:
        """The revision that its migrations lead to: files are named `REVISION_what_it_does.py`, in order."""
        files = sorted((self.folder / "migrations" / "versions").glob("[0-9]*_*.py"))
        return files[-1].name.split("_", 1)[0]


def discover(services: Path) -> list[Member]:
    """Return the services that can be run, by name."""
    folders = sorted(folder for folder in services.glob("*") if (folder / "src").is_dir())
    members = [Member(folder, load_infra(folder)) for folder in folders]
    return [member for member in members if member.commands]


def assign_ports(names: list[str], first: int) -> dict[str, int]:
    """Give the gateway `first`, and each other name the next port that is free."""
    ports = {GATEWAY: first}
    candidates = (port for port in range(first + 1, min(first + _PORTS_TRIED, 65536)) if is_free(port))
    for name in names:
        if name != GATEWAY:
            ports[name] = next(candidates, None) or free_port()
    return ports


@dataclass(frozen=True)
class Wiring:
    """Everything that the processes of the suite are told, from which each gets its own part.

    Attributes:
        values: what environment.json may name, but for the database, which differs by service.
        databases: each service's URL.
    """

    host: str
    log_format: str
    endpoint_url: str
    values: Mapping[str, str]
    databases: Mapping[str, str]
    identities: Mapping[str, AccessKey]

    def environment(self, member: Member) -> dict[str, str]:
        """Return the variables that all processes of a service share."""
        key = self.identities[member.name]
        region = self.values["region"]
        own = {
            "ENVIRONMENT": self.values["environment"],
            "HOST": self.host,
            "RESOURCE_PREFIX": self.values["resource_prefix"],
            "REGION": region,
            "ACCOUNT_ID": self.values["account_id"],
            "LOG_FORMAT": self.log_format,
        }
        values = {**self.values, "database.url": self.databases.get(member.name, "")}
        return {
            **{variable_prefix(member.name) + name: value for name, value in own.items()},
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "PYTHONUNBUFFERED": "1",
            **wire(member.infra, values),
        }


def process_of(member: Member, name: str, shared: Mapping[str, str], port: int, log: Path) -> Program:
    """Return one of a service's processes; `shared` is what all of them are told."""
    url = service_url(port)
    return Program(
        name=name,
        argv=(sys.executable, "-m", member.commands[name]),
        cwd=member.folder,
        log=log,
        ready=lambda: answers(f"{url}/readyz"),
        env={**shared, f"{variable_prefix(member.name)}PORT": str(port)},
        url=url,
        niceness=10 if member.commands[name].endswith(".worker") else 0,
    )


def service_url(port: int) -> str:
    """Return the address of a process on this machine."""
    return f"http://127.0.0.1:{port}"
