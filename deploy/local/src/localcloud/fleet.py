"""The processes that run now: start them, wait for them, start again those that die, stop them newest first.

Plays the part that ECS plays in the cloud. What they are and why is decided by who hands the programs in.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from subprocess import Popen

from localcloud.errors import LocalCloudError
from localcloud.processes import Program, ask_to_stop, await_end, describe_exit, identify, spawn, stop
from localcloud.state import Recorded

START_SECONDS = 120.0
_POLL_SECONDS = 0.05
_STABLE_SECONDS = 30.0
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 8.0


@dataclass
class Running:
    """A program with its process, and what became of it so far.

    Attributes:
        failures: deaths in a row, each soon after its start.
        due: when to start it again, on the monotonic clock; None while it runs.
    """

    program: Program
    process: Popen[bytes]
    since: float
    ready: bool = False
    failures: int = 0
    due: float | None = None

    def recorded(self) -> Recorded | None:
        """Return what the state file keeps of it."""
        known = identify(self.process.pid)
        if known is None:
            return None
        return Recorded(pid=known.pid, started=known.started, url=self.program.url, log=self.program.log)


class Fleet:
    """All running programs, by name, oldest first."""

    def __init__(self, record: Callable[[dict[str, Recorded]], None], say: Callable[[str], None]) -> None:
        """Take what to call with the processes whenever they change, and with each line for the person."""
        self._running: dict[str, Running] = {}
        self._record = record
        self._say = say

    def start(self, programs: Iterable[Program]) -> None:
        """Prepare the programs side by side, then start them."""
        chosen = list(programs)
        with ThreadPoolExecutor() as pool:
            for preparation in [pool.submit(program.prepare) for program in chosen]:
                preparation.result()
        for program in chosen:
            self._spawn(program)
        self._note()

    def _spawn(self, program: Program, failures: int = 0) -> None:
        self._running[program.name] = Running(program, spawn(program), time.monotonic(), failures=failures)

    def _note(self) -> None:
        records = {name: running.recorded() for name, running in self._running.items()}
        self._record({name: record for name, record in records.items() if record})

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Return when all are ready; raise on the first that dies, or when one takes too long."""
        deadline = time.monotonic() + seconds
        while waiting := [running for running in self._running.values() if not running.ready]:
            for running in waiting:
                program, code = running.program, running.process.poll()
                if code is not None:
                    raise LocalCloudError(f"{program.name} ended with {describe_exit(code)}", log=program.log)
                running.ready = program.ready()
            if time.monotonic() > deadline:
                raise LocalCloudError(f"{program.name} is not ready after {seconds:.0f} s", log=program.log)
            time.sleep(_POLL_SECONDS)

    def tend(self) -> list[str]:
        """Look after all once: start again what died; return the names of those that are ready again."""
        revived = []
        for name, running in list(self._running.items()):
            if running.due is not None:
                self._revive(running)
            elif running.process.poll() is not None:
                self._mourn(running)
            elif not running.ready and running.program.ready():
                running.ready = True
                revived.append(name)
                self._say(f"{name} is ready again")
        return revived

    def _mourn(self, running: Running) -> None:
        stable = time.monotonic() - running.since > _STABLE_SECONDS
        running.failures = 0 if stable else running.failures + 1
        delay = min(_FIRST_DELAY * 2**running.failures, _LONGEST_DELAY)
        running.due, running.ready = time.monotonic() + delay, False
        how = describe_exit(running.process.returncode)
        self._say(f"{running.program.name} ended with {how}; starting it again in {delay:.1f} s")

    def _revive(self, running: Running) -> None:
        if running.due is None or time.monotonic() < running.due:
            return
        running.program.prepare()
        self._spawn(running.program, running.failures)
        self._note()

    def restart(self, programs: Iterable[Program]) -> None:
        """Stop the processes of these names and start these programs in their place."""
        for program in programs:
            running = self._running[program.name]
            stop(running.program, running.process)
            self._spawn(program)
        self._note()

    def stop(self) -> None:
        """Ask all to end, newest first, servers only after those that use them; end those that do not."""
        for servers in (False, True):
            group = [one for one in reversed(self._running.values()) if one.program.server is servers]
            for running in group:
                ask_to_stop(running.program, running.process)
            for running in group:
                await_end(running.process)
        self._running.clear()
        self._record({})
