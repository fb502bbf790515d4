"""A process is known again beyond doubt, and ended without touching another."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.errors import LocalCloudError
from localcloud.fleet import Fleet
from localcloud.processes import Identity, Program, end, identify, is_free, log_end
from localcloud.suite import assign_ports


def test_a_process_is_known_again(sleeper) -> None:
    known = identify(sleeper.pid)
    assert known is not None
    assert known.alive


def test_a_process_that_ended_is_not_alive_even_before_it_is_reaped(sleeper) -> None:
    known = identify(sleeper.pid)
    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert known is not None
    assert not known.alive


def test_another_process_with_the_same_pid_is_left_alone(sleeper) -> None:
    known = identify(sleeper.pid)
    assert known is not None
    end(replace(known, started="another boot/1"))
    assert known.alive


def test_a_process_that_is_deaf_to_the_first_signal_is_ended_all_the_same() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        known = identify(process.pid)
        assert known is not None
        end(known, grace=0.2)
        assert not known.alive


def test_nobody_has_a_pid_that_does_not_exist() -> None:
    assert identify(2**22 + 1) is None
    assert not Identity(2**22 + 1, "never").alive


def test_a_program_that_does_not_exist_is_told_in_one_line(tmp_path: Path) -> None:
    program = Program("ghost", ("/nowhere/ghost",), tmp_path, tmp_path / "ghost.log", ready=lambda: True)
    with pytest.raises(LocalCloudError, match="ghost does not start"):
        Fleet(record=lambda _: None, say=lambda _: None).start([program])


def test_a_program_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    pause = (sys.executable, "-c", "import signal; signal.pause()")
    program = Program("slow", pause, tmp_path, tmp_path / "slow.log", ready=lambda: False)
    fleet = Fleet(record=lambda _: None, say=lambda _: None)
    fleet.start([program])
    try:
        with pytest.raises(LocalCloudError, match="slow is not ready after 0 s"):
            fleet.wait(seconds=0.1)
    finally:
        fleet.stop()


def test_ports_follow_the_gateways_and_skip_what_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = assign_ports(["postgres", "gateway"], port - 1)
        assert ports["gateway"] == port - 1
        assert ports["postgres"] > port
        assert not is_free(port)


def test_the_end_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_text("".join(f"line {number}\n" for number in range(50_000)))
    assert log_end(log, lines=2) == "line 49998\nline 49999"
    assert log_end(tmp_path / "none.log") == ""


@pytest.fixture
def sleeper():
    """A process that waits to be ended."""
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        yield process
        process.kill()
