"""The process that brings the suite up, keeps it up, and takes it down: in the foreground, or left behind."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import FrameType
from typing import Never
from urllib.parse import urlsplit

from localcloud import console
from localcloud.cloud import Cloud
from localcloud.ephemeral import temporary_home
from localcloud.errors import LocalCloudError
from localcloud.paths import Layout
from localcloud.processes import STOP_SECONDS, accompany, end, free_port, identify, is_free
from localcloud.reload import Watch
from localcloud.state import Recorded, State, load_state, save_state

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK_SECONDS = 0.2
_WATCH_SECONDS = 1.0


class Interrupted(Exception):
    """Somebody asked us to end."""


def up(layout: Layout, port: int, *, reload: bool, given: dict[str, str], ready_pipe: int | None = None) -> None:
    """Bring the suite up and keep it up until a signal asks to end; then leave no process behind.

    Args:
        ready_pipe: where to write a byte when all is up, after which output goes to the supervisor's log.
    """
    with _alone(layout), _interruptible():
        if not is_free(port):
            raise LocalCloudError(f"port {port} is taken: choose another, as in `make up PORT={port + 100}`")
        state = load_state(layout.state)
        sweep(state)
        _rotate_logs(layout)
        cloud = _new_cloud(layout, port, state, given)
        try:
            cloud.climb()
            _announce(cloud)
            if ready_pipe is not None:
                _leave_terminal(layout, ready_pipe)
            _keep(cloud, Watch(layout, cloud.members) if reload else None)
        except Interrupted:
            pass  # the way down is the same as after a failure
        finally:
            _descend(cloud)


def beside(layout: Layout, command: list[str]) -> int:
    """Run a command beside a whole suite of its own on free ports, and end both; return the command's exit code.

    The command finds the suite by MESSENGER_URL, the gateway, and MESSENGER_STATE, the state file.
    """
    with temporary_home(layout) as home, _interruptible():
        own = replace(layout, home=home)
        own.logs.mkdir(parents=True)
        cloud = _new_cloud(own, free_port(), State(), {})
        environment = {"MESSENGER_URL": cloud.state.public_origin, "MESSENGER_STATE": str(own.state)}
        try:
            cloud.climb()
            return _attend(cloud, accompany(command, {**cloud.state.addresses, **environment}))
        except Interrupted:
            return 128 + signal.SIGINT
        finally:
            _descend(cloud)


def _attend(cloud: Cloud, process: subprocess.Popen[bytes]) -> int:
    try:
        while process.poll() is None:
            time.sleep(_TICK_SECONDS)
            cloud.tend()
    finally:
        process.terminate()
    return process.wait()


def _descend(cloud: Cloud) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):  # after a hang-up there is no terminal to tell
        console.say("stopping")
    cloud.fleet.stop()
    cloud.state.supervisor, cloud.state.ready = None, False
    save_state(cloud.layout.state, cloud.state)


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Hold the checkout's lock: two supervisors would take each other's data for their own."""
    layout.local.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalCloudError("already up in this checkout: `make ps` shows it, `make down` ends it") from None
        yield


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the signals that end us into an exception, wherever we are."""

    def interrupt(number: int, frame: FrameType | None) -> Never:
        raise Interrupted

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _new_cloud(layout: Layout, port: int, state: State, given: dict[str, str]) -> Cloud:
    me = identify(os.getpid())
    if me is None:
        raise LocalCloudError("this system does not tell when a process started")
    state.supervisor = Recorded(pid=me.pid, started=me.started, log=layout.log("supervisor"))
    state.ready, state.processes, state.services = False, {}, {}
    return Cloud(layout, port, state, given)


def _announce(cloud: Cloud) -> None:
    console.table(("", "address"), address_rows(cloud.state))
    console.say(f"API documentation at {cloud.state.public_origin}/docs, logs by `make logs`")


def address_rows(state: State) -> list[tuple[str, str]]:
    """Return name and address of every process, the last started first."""
    return [(name, _public(record.url)) for name, record in reversed(state.processes.items())]


def _public(url: str) -> str:
    """Return a URL without its password and its database."""
    address = urlsplit(url)
    return f"{address.scheme.partition('+')[0]}://{address.hostname}:{address.port}"


def _leave_terminal(layout: Layout, ready_pipe: int) -> None:
    """Send output to the log from now on, and tell the one who waits at the pipe."""
    log = os.open(layout.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    os.write(ready_pipe, b"1")
    os.close(ready_pipe)


def _keep(cloud: Cloud, watch: Watch | None) -> Never:
    next_look = time.monotonic()
    while True:
        time.sleep(_TICK_SECONDS)
        cloud.tend()
        if watch and time.monotonic() > next_look:
            next_look = time.monotonic() + _WATCH_SECONDS
            if members := watch.changed():
                console.say(f"code changed: {', '.join(member.name for member in members)}")
                cloud.restart_services(members)


def _rotate_logs(layout: Layout) -> None:
    """Begin each log anew, and keep the one before."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    for log in layout.logs.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))


def detach(layout: Layout, port: int, *, reload: bool, given: dict[str, str]) -> int:
    """Bring the suite up in a process that stays behind; return 0 when all is up, or its exit code."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()
        os._exit(_report(layout, port, reload=reload, given=given, ready_pipe=writing))
    os.close(writing)
    try:
        ready = os.read(reading, 1)
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
        ready = b""
    return 0 if ready else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _report(layout: Layout, port: int, *, reload: bool, given: dict[str, str], ready_pipe: int) -> int:
    try:
        up(layout, port, reload=reload, given=given, ready_pipe=ready_pipe)
    except LocalCloudError as error:
        console.fail(error)
        return 1
    return 0


def down(layout: Layout) -> bool:
    """End the supervisor, and whatever it left behind if it was killed; tell whether anything ran."""
    state = load_state(layout.state)
    supervisor = state.supervisor.identity if state.supervisor else None
    running = bool(supervisor and supervisor.alive)
    if supervisor and running:
        end(supervisor, grace=2 * STOP_SECONDS + 5)
    left_behind = sweep(load_state(layout.state))
    state = load_state(layout.state)
    state.supervisor, state.ready, state.processes = None, False, {}
    save_state(layout.state, state)
    return running or left_behind


def sweep(state: State) -> bool:
    """End every recorded process that is still itself, newest first; tell whether there was one."""
    survivors = [record.identity for record in reversed(state.processes.values()) if record.identity.alive]
    for survivor in survivors:
        end(survivor)
    return bool(survivors)
