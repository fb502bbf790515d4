"""Who is asked to end ends at once what it has begun: not a moment later, and not by waiting for it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.errors import LocalCloudError
from localcloud.paths import CHECKOUT
from localcloud.processes import attend, identify

_PAUSE = "import os, pathlib, signal, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); signal.pause()"
_ATTEND = """
import sys
from localcloud.processes import attend, exit_on_signals
exit_on_signals()
try:
    attend([sys.executable, "-c", *sys.argv[1:]], {})
finally:
    print("the way out", flush=True)
"""


def _pid(told: Path, until) -> int:
    until(lambda: told.exists() and told.read_text())
    return int(told.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_that_is_attended_and_takes_the_way_out(checkout, tmp_path, number) -> None:
    told = tmp_path / "pid"
    command = [sys.executable, "-c", _ATTEND, _PAUSE, str(told)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        attended = _pid(told, checkout.until)
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (128 + number, "the way out\n")
    assert identify(attended) is None


def test_what_takes_too_long_is_ended(tmp_path) -> None:
    told = tmp_path / "pid"
    with pytest.raises(LocalCloudError, match="did not end within 1 s"):
        attend([sys.executable, "-c", _PAUSE, str(told)], {}, seconds=1)
    assert identify(int(told.read_text())) is None


def test_the_exit_code_is_the_command_s_and_it_finds_what_it_is_given() -> None:
    assert attend([sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['CODE']))"], {"CODE": "7"}) == 7


@pytest.mark.parametrize("target", ["bench-peers", "bench", "chaos", "up"])
def test_a_signal_to_make_reaches_what_it_runs(checkout, tmp_path, target) -> None:
    told, python = tmp_path / "pid", tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{_PAUSE}' {told}\n")
    python.chmod(0o755)
    command = ["make", "-f", str(CHECKOUT / "Makefile"), "-C", str(tmp_path), target, f"PYTHON={python}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        run = _pid(told, checkout.until)
        process.terminate()
        process.wait(20)
    checkout.until(lambda: identify(run) is None)
