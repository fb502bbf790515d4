"""Servers of one command or one session: private, and gone when it ends, however it ends."""

import os
import signal
import subprocess
import sys

import pytest

from localcloud.paths import Layout

_NAMES = ("DATABASE_URL", "VALKEY_URL", "AWS_ENDPOINT_URL")
_TELL = f"import os; print([os.environ[name] for name in {_NAMES}])"


def test_a_command_gets_three_addresses_and_its_exit_code_is_returned(checkout) -> None:
    outcome = checkout.run("run", "--", sys.executable, "-c", f"{_TELL}; raise SystemExit(5)")
    assert outcome.returncode == 5, outcome.stdout + outcome.stderr
    assert "postgresql+asyncpg://postgres:" in outcome.stdout
    assert checkout.leftovers() == []
    assert list(Layout(checkout.folder).runs.iterdir()) == []


def test_a_command_ended_by_a_signal_is_told_as_shells_do(checkout) -> None:
    given = dict.fromkeys(_NAMES, "given")
    outcome = checkout.run("run", "--", "sh", "-c", "kill -TERM $$", **given)
    assert outcome.returncode == 128 + signal.SIGTERM


def test_an_address_that_is_given_is_passed_on(checkout) -> None:
    given = {name: f"given {name}" for name in _NAMES}
    outcome = checkout.run("run", "--", sys.executable, "-c", _TELL, **given)
    assert "given DATABASE_URL" in outcome.stdout


def test_servers_die_with_a_killed_command_and_the_next_run_removes_their_folder(checkout) -> None:
    started = checkout.folder / "started"
    waiting = f"import pathlib, signal; pathlib.Path({str(started)!r}).touch(); signal.pause()"
    process = subprocess.Popen(checkout.command("run", "--", sys.executable, "-c", waiting), env=checkout.environment)
    checkout.until(started.exists)
    [abandoned] = Layout(checkout.folder).runs.iterdir()
    process.kill()
    process.wait()
    checkout.until(lambda: checkout.leftovers() == [])
    given = dict.fromkeys(_NAMES, "given")
    assert checkout.run("run", "--", "true", **given).returncode == 0
    assert not abandoned.exists()


def test_this_session_has_servers_of_its_own() -> None:
    assert all(os.environ.get(name) for name in _NAMES)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else for PostgreSQL")
def test_root_without_user_namespaces_runs_postgres_as_nobody_even_under_a_private_home(checkout, tmp_path) -> None:
    refused = tmp_path / "bin" / "unshare"
    refused.parent.mkdir()
    refused.write_text("#!/bin/sh\nexit 1\n")
    refused.chmod(0o755)
    tmp_path.chmod(0o700)
    path = f"{refused.parent}{os.pathsep}{os.environ['PATH']}"
    owners = "import os, pathlib; print({p.stat().st_uid for p in pathlib.Path(os.environ['HOME']).glob('*/*/data')})"
    home = str(Layout(checkout.folder).runs)
    outcome = checkout.run("run", "--", sys.executable, "-c", owners, PATH=path, HOME=home)
    assert outcome.returncode == 0, outcome.stdout
    assert outcome.stdout.strip() == "{65534}"
    assert checkout.leftovers() == []
