"""What a peer is, and how it runs: alone with a PostgreSQL of its own, set up as the suite's own is."""

import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import asyncpg

from localcloud.console import say
from localcloud.errors import LocalCloudError
from localcloud.fleet import Fleet
from localcloud.paths import Layout
from localcloud.postgres import Postgres, create_database, service_database_url
from localcloud.processes import Program, free_port
from localcloud.state import Recorded

from ..figures import Figure, Results, percentile
from ..pace import DELIVERY
from ..saturation import SENDS

TOOLS = Layout().local / "peers"
"""Where peers are installed, and stay for the next run."""

PACES = {500: 2, 10: 4}
"""Sends a second, what ours and ejabberd sustain and what all do with ease; and how many times a round's seconds."""

_PASSWORD = "only-here"


@dataclass(frozen=True)
class Size:
    """How long everything takes."""

    seconds: float
    turns: int
    widths: tuple[int, ...] = (10, 200)
    warm_up: float = 2.0


@dataclass(frozen=True)
class Running:
    """A peer that runs: its processes, and its database."""

    processes: Mapping[str, int]
    database: str

    async def execute(self, sql: str) -> None:
        """Do something in its database."""
        async with self._connection() as connection:
            await connection.execute(sql, timeout=60)

    async def count(self, what: str) -> int:
        """Count rows of its database: `table` or `table WHERE …`."""
        async with self._connection() as connection:
            return int(await connection.fetchval(f"SELECT count(*) FROM {what}", timeout=60))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.database, timeout=10)
        try:
            yield connection
        finally:
            await connection.close()


class Peer(Protocol):
    """A server that does what ours does."""

    name: str

    def install(self) -> str:
        """Fetch it unless it is there; returns its version."""

    def program(self, home: Path, database: str) -> Program:
        """Return the server, which keeps its data in these two places."""

    async def furnish(self, running: Running) -> None:
        """Make accounts and conversations, once in a run."""

    async def measure(self, running: Running, results: Results, size: Size) -> None:
        """Take one turn: one round of each scenario, into `results`."""


def note_sends(results: Results, scenario: str, count: int, seconds: float, cost: Mapping[str, float]) -> None:
    """Keep a round at full speed, and the CPU seconds that it cost each process."""
    results.add(scenario, Figure(SENDS, "/s", [count / seconds]))
    results.budgets[scenario] = {process: spent / count * 1e6 for process, spent in cost.items()}


def note_delays(results: Results, rate: int, delays: Sequence[float]) -> None:
    """Keep the seconds that deliveries took in a paced round."""
    for part in (0.5, 0.99):
        figure = Figure(f"{DELIVERY}, p{part * 100:.0f}", "ms", [percentile(delays, part) * 1000])
        results.add(f"paced, {rate}/s", figure)


@contextmanager
def run(peer: Peer, home: Path) -> Iterator[Running]:
    """Run a peer on what it left in its home the last time; whatever happens, nothing of it runs on afterwards."""
    processes: dict[str, int] = {}

    def note(records: dict[str, Recorded]) -> None:
        processes.update({name: record.pid for name, record in records.items()})

    home.mkdir(parents=True, exist_ok=True)
    postgres = Postgres(home / "postgres", free_port(), _PASSWORD)
    url = service_database_url(postgres.url, peer.name, _PASSWORD).replace("+asyncpg", "")
    fleet = Fleet(note, say)
    try:
        fleet.start([postgres.program(home / "postgres.log")])
        fleet.wait()
        create_database(postgres.url, peer.name, _PASSWORD)
        fleet.start([peer.program(home, url)])
        fleet.wait()
        yield Running(processes, url)
    finally:
        fleet.stop()


def fetch(command: Sequence[str], folder: Path, seconds: float = 600) -> str:
    """Run a package manager in a folder; returns what it prints, raises `LocalCloudError` with what it complains of."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LocalCloudError(f"{command[0]}: {error}") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LocalCloudError(f"{Path(command[0]).name} failed: {reason}")
    return done.stdout
