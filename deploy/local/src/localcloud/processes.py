"""Programs as children of ours: start, know again, wait until ready, stop.

A pid alone proves nothing after a crash, so a process is known by its pid and the kernel's start time. Which
programs there are, and in what order, is decided elsewhere.
"""

import ctypes
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from localcloud.errors import LocalCloudError

STOP_SECONDS = 22.0  # a service drains for 20
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_FREE_PORTS = 20_000, 32_000
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Program:
    """What to run, how to know that it is ready, and which signal asks it to end.

    Attributes:
        prepare: what must be done before each start.
        orphan_signal: what the kernel sends it when its parent dies (Linux).
        server: others depend on it, so it ends after them.
        niceness: how far it gives way to those for whose answers somebody waits, 0 to 19, see nice(2). In the cloud it
            has processors of its own.
    """

    name: str
    argv: tuple[str, ...]
    cwd: Path
    log: Path
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    server: bool = False
    niceness: int = 0
    prepare: Callable[[], None] = _nothing
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM


@dataclass(frozen=True)
class Identity:
    """A process beyond doubt: `started` is the boot and the tick at which the kernel started it."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Tell whether this very process still runs; a zombie does not."""
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """Return who has this pid now, or None."""
    if sys.platform != "linux":
        shown = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        state, _, started = shown.stdout.strip().partition(" ")
        return Identity(pid, started.strip()) if started and not state.startswith("Z") else None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else Identity(pid, f"{boot}/{fields[19]}")


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start the program in a session of its own, its output appended to its log.

    Call from a thread that outlives the child: the kernel reports the death of the thread, not of the process.
    """
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        try:
            return subprocess.Popen(
                program.argv,
                cwd=program.cwd,
                env={**_inherited(), **program.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_tie_to_parent(program.orphan_signal, program.niceness),
            )
        except OSError as error:
            raise LocalCloudError(f"{program.name} does not start: {error}", log=program.log) from error


def accompany(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a person's own command in this terminal; it does not outlive us."""
    try:
        return subprocess.Popen(command, env={**os.environ, **environment}, preexec_fn=_tie_to_parent(signal.SIGTERM))
    except OSError as error:
        raise LocalCloudError(f"{command[0]} does not start: {error.strerror}") from error


def attend(command: list[str], environment: Mapping[str, str], seconds: float | None = None) -> int:
    """Run a person's own command in this terminal; return its exit code. Whatever ends the wait for it ends it at once.

    Raises `LocalCloudError` when it takes longer than `seconds`.
    """
    process = accompany(command, environment)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise LocalCloudError(f"{command[0]} did not end within {seconds:.0f} s") from None
    finally:
        process.terminate()
        await_end(process, grace=2 * STOP_SECONDS)


def exit_on_signals() -> None:
    """Let a signal that asks us to end take us through every `finally`, wherever we are: it raises `SystemExit`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))


def _inherited() -> dict[str, str]:
    """Return what a child may know of our own environment: nothing that could reach a real account by accident."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))}


def _tie_to_parent(orphan_signal: signal.Signals, niceness: int = 0) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def tie() -> None:
        _be_nice(niceness)
        libc.prctl(_PR_SET_PDEATHSIG, orphan_signal)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def _be_nice(niceness: int) -> None:
    """Give way to others.

    Where the kernel groups processes by session (sched_autogroup, see sched(7)), niceness is the session's.
    """
    os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


def describe_exit(code: int) -> str:
    """Say how a process ended: `signal SIGKILL` or `exit code 3`."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def ask_to_stop(program: Program, process: subprocess.Popen[bytes]) -> None:
    """Send the signal that asks the process to end, if it has not ended."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)


def await_end(process: subprocess.Popen[bytes], grace: float = STOP_SECONDS) -> None:
    """Wait for a process that was asked to end, and after `grace` seconds end it."""
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop(program: Program, process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end, and see to it that it does."""
    ask_to_stop(program, process)
    await_end(process)


def end(identity: Identity, asked: signal.Signals = signal.SIGTERM, grace: float = STOP_SECONDS) -> None:
    """End a process that is not our child, if it still is who it was."""
    for chosen in (asked, signal.SIGKILL):
        deadline = time.monotonic() + grace
        if identity.alive:
            os.kill(identity.pid, chosen)
        while identity.alive and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def answers(url: str) -> bool:
    """Tell whether an HTTP GET gets a 2xx."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=2)
    try:
        connection.request("GET", address.path)
        return connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_free(port: int) -> bool:
    """Tell whether a loopback port can be listened on."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port of loopback that is free now.

    Below the range from which systems take ports for outgoing connections (RFC 6335, and Linux's own from 32768):
    one of those could take it before its server does.
    """
    while not is_free(port := random.randrange(*_FREE_PORTS)):  # noqa: S311 - nothing secret about it
        pass
    return port


def log_end(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, or nothing if there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64 * 1024))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
