"""ejabberd with its archive (XEP-0313) of every message in PostgreSQL, its shapers off.

It comes from Debian's packages, unpacked into a folder: nothing is installed, and nobody has to be root.
"""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from localcloud.errors import LocalCloudError
from localcloud.processes import Program, free_port, is_free

from ..figures import Results
from ..generators import crew
from ..meters import cpu_seconds
from ..saturation import IN_FLIGHT
from ..stage import LINES, PEOPLE
from ..wire import Lost
from .peer import PACES, TOOLS, Running, Size, fetch, note_delays, note_sends
from .xmpp import DOMAIN
from .xmpp_loads import Pace, Saturation

PACE_PAIRS = 10
_ROWS_A_MESSAGE = 2  # one in the archive of each of the two
_ARCHIVED_SECONDS = 60
_PACKAGES = ("ejabberd", "erlang-p1-pgsql")
_ACCOUNTS = [f"person{number}" for number in range(PEOPLE)]
_PASSWORD = "only-here"


class Ejabberd:
    """The peer."""

    name = "ejabberd"

    def __init__(self) -> None:
        self._root = TOOLS / "ejabberd" / "root"
        self._port = free_port()

    def install(self) -> str:
        """Fetch it and what it needs that is not on this machine from Debian's mirror; returns its version."""
        version = TOOLS / "ejabberd" / "version"
        if not version.exists():
            version.write_text(_unpack(TOOLS / "ejabberd", self._root))
        return version.read_text()

    def program(self, home: Path, database: str) -> Program:
        """Return the server."""
        settings = home / "ejabberd.yml"  # JSON is YAML
        settings.write_bytes(orjson.dumps(_settings(database, self._port)))
        erlang = self._root / "usr" / "lib" / "erlang"
        binaries = next(erlang.glob("erts-*")) / "bin"
        libraries = str(next((self._root / "usr" / "lib").glob("*-linux-gnu")))
        return Program(
            name=self.name,
            argv=(
                *(str(binaries / "erlexec"), "+K", "true", "+P", "250000", "-noinput"),
                *("-mnesia", "dir", f'"{home / "mnesia"}"', "-s", "ejabberd"),
            ),
            cwd=home,
            log=home / "console.log",
            ready=lambda: not is_free(self._port),
            env={
                "ROOTDIR": str(erlang),
                "BINDIR": str(binaries),
                "EMU": "beam",
                "PROGNAME": "erl",
                "ERL_LIBS": libraries,
                "LD_LIBRARY_PATH": libraries,
                "HOME": str(home),
                "EJABBERD_CONFIG_PATH": str(settings),
                "EJABBERD_LOG_PATH": str(home / "ejabberd.log"),
                "ERL_CRASH_DUMP": str(home / "erl_crash.dump"),
            },
        )

    async def furnish(self, running: Running) -> None:
        """Make the tables, and the accounts."""
        schema = next(self._root.glob("usr/share/ejabberd/sql/pg.sql"))
        await running.execute(schema.read_text())
        for account in _ACCOUNTS:
            await running.execute(f"INSERT INTO users (username, password) VALUES ('{account}', '{_PASSWORD}')")

    async def measure(self, running: Running, results: Results, size: Size) -> None:
        """Take one turn."""
        for width in size.widths:
            await self._saturate(running, results, width, size)
        for rate, times in PACES.items():
            pace = Pace(self._port, _ACCOUNTS, _PASSWORD, LINES[:PACE_PAIRS], rate)
            with crew([pace]) as generator:
                generator.round(size.warm_up)
                note_delays(results, rate, generator.round(times * size.seconds)[0])

    async def _saturate(self, running: Running, results: Results, width: int, size: Size) -> None:
        """Measure one width; a round ends when the archive has all of it."""
        load = Saturation(self._port, _ACCOUNTS, _PASSWORD, LINES[:width], IN_FLIGHT // width)
        with crew([load]) as generator:
            had = await running.count("archive")
            _, warm = generator.round(size.warm_up)[0]
            await _archived(running, had + _ROWS_A_MESSAGE * warm)
            processes = {**running.processes, **generator.processes}
            before = cpu_seconds(processes)
            elapsed, count = generator.round(size.seconds)[0]
            elapsed += await _archived(running, had + _ROWS_A_MESSAGE * (warm + count))
            after = cpu_seconds(processes)
        cost = {process: spent - before[process] for process, spent in after.items()}
        note_sends(results, f"{width} conversations", count, elapsed, cost)


async def _archived(running: Running, rows: int) -> float:
    """Wait until the archive has so many rows; returns the seconds, none if the first look finds them."""
    started, waited = time.monotonic(), 0.0
    while (found := await running.count("archive")) != rows:
        if found > rows or time.monotonic() > started + _ARCHIVED_SECONDS:
            raise Lost(f"the archive has {found} rows instead of {rows}")
        await asyncio.sleep(0.01)
        waited = time.monotonic() - started
    return waited


def _unpack(folder: Path, root: Path) -> str:
    """Download the packages that this machine lacks, by lists of our own, and unpack them; returns the version."""
    own = [f"Dir::State::Lists={folder / 'lists'}", f"Dir::Cache={folder / 'cache'}", "APT::Sandbox::User="]
    apt = ["apt-get", *(word for option in own for word in ("-o", option)), "-qq"]
    debs = folder / "debs"
    for needed in (folder / "lists" / "partial", folder / "cache" / "archives" / "partial", debs):
        needed.mkdir(parents=True, exist_ok=True)
    fetch([*apt, "update"], debs)
    plan = fetch([*apt, "install", "--simulate", "--no-install-recommends", *_PACKAGES], debs)
    chosen = [line.split() for line in plan.splitlines() if line.startswith("Inst ")]
    version = next((words[2].strip("(") for words in chosen if words[1] == _PACKAGES[0]), None)
    if version is None:
        raise LocalCloudError("ejabberd is installed on this machine, which is measured with one of its own: remove it")
    fetch([*apt, "download", *(words[1] for words in chosen)], debs)
    for package in debs.glob("*.deb"):
        fetch(["dpkg", "-x", str(package), str(root)], debs)
    return version


def _settings(database: str, port: int) -> dict[str, object]:
    url = urlsplit(database)
    return {
        "hosts": [DOMAIN],
        "loglevel": "warning",
        "listen": [{"port": port, "ip": "127.0.0.1", "module": "ejabberd_c2s", "shaper": "none"}],
        "auth_method": ["sql"],
        "auth_password_format": "plain",
        "default_db": "sql",
        "sql_type": "pgsql",
        "sql_server": url.hostname,
        "sql_port": url.port,
        "sql_database": url.path[1:],
        "sql_username": url.username,
        "sql_password": url.password,
        "sql_pool_size": 16,
        "modules": {"mod_mam": {"default": "always", "db_type": "sql"}},
    }
