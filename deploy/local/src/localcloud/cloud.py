"""The way up: servers, then what the services own, then the services; and what must follow when one comes back.

Each phase leaves its results in the state, so that the other commands and the next start find them.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from localcloud.console import say, step
from localcloud.databases import create_databases
from localcloud.emulator import Emulator, ensure_environment, is_made
from localcloud.errors import LocalCloudError
from localcloud.fleet import Fleet
from localcloud.paths import Layout
from localcloud.postgres import Postgres, schema_revision
from localcloud.processes import Program
from localcloud.provision import Outputs, connect, provision
from localcloud.state import Recorded, Service, State, save_state
from localcloud.suite import PREFIX, Member, Wiring, assign_ports, discover, process_of, service_url
from localcloud.valkey import Valkey

_SERVERS = ("postgres", "valkey", "emulator")


@dataclass
class Cloud:
    """One suite on this machine: its layout, the gateway's port, and the state that it keeps up to date.

    Attributes:
        given: addresses and AWS credentials from the environment; servers named there are not started.
    """

    layout: Layout
    port: int
    state: State
    given: Mapping[str, str]
    members: list[Member] = field(init=False)
    fleet: Fleet = field(init=False)
    _ports: dict[str, int] = field(init=False)
    _databases: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the services, and choose all ports once for this run."""
        self.members = discover(self.layout.services)
        self.fleet = Fleet(self._record, say)
        names = [*_SERVERS, *(name for member in self.members for name in member.commands)]
        self._ports = assign_ports(names, self.port)
        self.state.public_origin = service_url(self.port)

    def _record(self, processes: dict[str, Recorded]) -> None:
        self.state.processes = processes
        save_state(self.layout.state, self.state)

    def climb(self) -> None:
        """Take all steps up, and show them."""
        if "AWS_ENDPOINT_URL" not in self.given and not is_made():
            with step("environment of the AWS emulator, this once"):
                ensure_environment()
        with step("servers"):
            self.start_servers()
        with step("databases, tables, topics, queues, keys"):
            self.create_resources()
        with step("migrations"):
            self.start_services(member for member in self.members if not member.has_database)
            self.migrate()
        with step("services"):
            self.start_services(member for member in self.members if member.has_database)
            self.wait()

    def start_servers(self) -> None:
        """Start those of PostgreSQL, Valkey and the emulator that nobody gave, and wait for them."""
        data = self.layout.data
        self.state.credentials.postgres = self.state.credentials.postgres or secrets.token_urlsafe(18)
        postgres = Postgres(data / "postgres", self._ports["postgres"], self.state.credentials.postgres)
        valkey = Valkey(data / "valkey", self._ports["valkey"])
        emulator = Emulator(data / "emulator", self._ports["emulator"], niceness=10)
        embedded: dict[str, Postgres | Valkey | Emulator] = {
            "DATABASE_URL": postgres,
            "VALKEY_URL": valkey,
            "AWS_ENDPOINT_URL": emulator,
        }
        self.state.addresses = {name: self.given.get(name) or server.url for name, server in embedded.items()}
        save_state(self.layout.state, self.state)  # before the cluster takes the password for good
        wanted = [server for name, server in embedded.items() if not self.given.get(name)]
        self.fleet.start(server.program(self.layout.log(type(server).__name__.lower())) for server in wanted)
        self.fleet.wait()

    def create_resources(self) -> None:
        """Create databases, and what the services declare in infra/*.json, side by side."""
        with ThreadPoolExecutor() as pool:
            provisioning = pool.submit(self._provision)
            passwords = self.state.credentials.databases
            self._databases = create_databases(self.members, self.state.addresses["DATABASE_URL"], passwords)
            provisioning.result()
        save_state(self.layout.state, self.state)

    def _provision(self) -> Outputs:
        key = self.given.get("AWS_ACCESS_KEY_ID", "test"), self.given.get("AWS_SECRET_ACCESS_KEY", "test")
        outputs = provision(
            connect(self.state.addresses["AWS_ENDPOINT_URL"], *key),
            [member.folder for member in self.members],
            PREFIX,
            identities=self.state.credentials.identities,
            public_origin=self.state.public_origin,
        )
        self.state.resources = outputs.values
        self.state.credentials.identities = outputs.identities
        return outputs

    def migrate(self) -> None:
        """Bring every service's schema to its newest revision, side by side."""
        wiring = self._wiring()
        with ThreadPoolExecutor() as pool:
            for outcome in [pool.submit(self._migrate, m, wiring) for m in self.members if m.has_database]:
                outcome.result()

    def _migrate(self, member: Member, wiring: Wiring) -> None:
        if schema_revision(self._databases[member.name]) == member.newest_revision:
            return
        log = self.layout.log(f"{member.name} migrations")
        command = [sys.executable, "-m", "alembic", "upgrade", "head"]
        environment = {**os.environ, **wiring.environment(member)}
        with log.open("wb") as output:
            done = subprocess.run(
                command, cwd=member.folder, env=environment, stdout=output, stderr=output, check=False
            )
        if done.returncode:
            raise LocalCloudError(f"the migrations of {member.name} failed", log=log)

    def start_services(self, members: Iterable[Member]) -> None:
        """Start the APIs and workers of these services, and note how each sees the world."""
        wiring, chosen = self._wiring(), list(members)
        for member in chosen:
            environment = wiring.environment(member)
            self.state.services[member.name] = Service(
                url=service_url(self._ports[member.name]), environment=environment
            )
        self.fleet.start(self._programs(chosen))

    def wait(self) -> None:
        """Wait until every process is ready, and write down that it is so."""
        self.fleet.wait()
        self.state.ready = True
        save_state(self.layout.state, self.state)

    def restart_services(self, members: Iterable[Member]) -> None:
        """Start these services' processes anew, with what is true now."""
        self.fleet.restart(self._programs(members))

    def _programs(self, members: Iterable[Member]) -> list[Program]:
        wiring = self._wiring()
        return [
            process_of(member, name, wiring.environment(member), self._ports[name], self.layout.log(name))
            for member in members
            for name in member.commands
        ]

    def _wiring(self) -> Wiring:
        urls = {f"service.{member.name}.url": service_url(self._ports[member.name]) for member in self.members}
        return Wiring(
            host="127.0.0.1",
            log_format="text",
            endpoint_url=self.state.addresses["AWS_ENDPOINT_URL"],
            values={
                **self.state.resources,
                **urls,
                "environment": "local",
                "valkey.url": self.state.addresses["VALKEY_URL"],
                "public_origin": self.state.public_origin,
            },
            databases=self._databases,
            identities=self.state.credentials.identities,
        )

    def tend(self) -> None:
        """Look after the processes once. What a returning emulator lost is created again."""
        if "emulator" in self.fleet.tend():
            try:
                self._recreate()
            except LocalCloudError as error:  # it may be gone again; its next return is the next attempt
                say(error.message)

    def _recreate(self) -> None:
        before = self.state.credentials.identities, self.state.resources
        changed = self._provision().changed
        save_state(self.layout.state, self.state)
        if changed:
            say(f"created again: {', '.join(changed)}")
        if before != (self.state.credentials.identities, self.state.resources):
            say("the services start again with new credentials")
            self.restart_services(self.members)
