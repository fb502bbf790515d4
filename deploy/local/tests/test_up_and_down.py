"""Starting and ending a whole suite: what a person sees, and what is left."""

import json
import os
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest


def test_everything_is_ready_when_up_returns(running) -> None:
    assert running.state.ready
    assert {"postgres", "valkey", "emulator", "gateway", "notes", "notes worker"} == set(running.state.processes)
    assert all(running.answers(name) for name in ("gateway", "notes", "notes worker"))
    assert running.state.public_origin == f"http://127.0.0.1:{running.port}"


def test_the_state_file_is_for_its_owner_alone(running) -> None:
    assert (running.folder / ".local" / "state.json").stat().st_mode & 0o777 == 0o600


def test_a_second_up_in_the_same_checkout_says_that_it_is_up(running) -> None:
    outcome = running.up()
    assert outcome.returncode == 1
    assert "already up" in outcome.stdout


def test_a_taken_port_is_named_in_one_line(checkout) -> None:
    with socket.create_server(("127.0.0.1", checkout.port)):
        outcome = checkout.up()
    assert outcome.returncode == 1
    assert outcome.stdout.strip().splitlines() == [
        f"error: port {checkout.port} is taken: choose another, as in `make up PORT={checkout.port + 100}`"
    ]


def test_a_process_that_dies_at_start_shows_the_end_of_its_log(checkout) -> None:
    main = checkout.folder / "services" / "notes" / "src" / "notes_service" / "main.py"
    main.write_text("raise SystemExit('no notes today')\n")
    outcome = checkout.up()
    assert outcome.returncode == 1
    assert "error: notes ended with exit code 1" in outcome.stdout
    assert "no notes today" in outcome.stdout
    assert checkout.leftovers() == []


def test_a_failed_migration_shows_the_end_of_its_log(checkout) -> None:
    (checkout.folder / "services" / "notes" / "migrations" / "versions" / "0001_notes.py").write_text("broken(")
    outcome = checkout.up()
    assert outcome.returncode == 1
    assert "error: the migrations of notes failed" in outcome.stdout
    assert "SyntaxError" in outcome.stdout


def test_data_survives_a_restart_and_clean_removes_it(checkout) -> None:
    assert checkout.up().returncode == 0
    before = checkout.state
    checkout.psql("INSERT INTO notes VALUES ('remember me')")
    assert checkout.run("down").returncode == 0
    assert checkout.leftovers() == []

    assert checkout.up().returncode == 0
    after = checkout.state
    assert checkout.psql("SELECT text FROM notes") == "remember me"
    assert after.credentials == before.credentials
    assert after.resources["user_pool.id"] == before.resources["user_pool.id"]

    assert checkout.run("clean").returncode == 0
    assert checkout.leftovers() == []
    assert not (checkout.folder / ".local" / "data").exists()


def test_two_checkouts_run_side_by_side(running, another_checkout) -> None:
    assert another_checkout.up().returncode == 0
    addresses = [{record.url for record in one.state.processes.values()} for one in (running, another_checkout)]
    assert addresses[0].isdisjoint(addresses[1])
    assert another_checkout.run("down").returncode == 0
    assert running.answers("gateway")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_foreground_ends_everything(checkout, tmp_path: Path, number: signal.Signals) -> None:
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            checkout.command("up", "--port", str(checkout.port)), env=checkout.environment, stdout=output, stderr=output
        )
    checkout.until(lambda: checkout.state.ready)
    process.send_signal(number)
    assert process.wait(30) == 0
    assert checkout.leftovers() == []


def test_nothing_is_left_when_the_supervisor_is_killed_and_then_taken_down(checkout) -> None:
    assert checkout.up().returncode == 0
    os.kill(checkout.state.supervisor.pid, signal.SIGKILL)
    assert checkout.run("down").returncode == 0
    assert checkout.leftovers() == []


def test_a_killed_supervisor_does_not_stand_in_the_way_of_the_next(checkout) -> None:
    assert checkout.up().returncode == 0
    os.kill(checkout.state.supervisor.pid, signal.SIGKILL)
    outcome = checkout.up()
    assert outcome.returncode == 0, outcome.stdout
    assert checkout.answers("gateway")


def test_servers_that_are_given_are_used_and_not_started(checkout) -> None:
    given = {name: os.environ[name] for name in ("DATABASE_URL", "VALKEY_URL", "AWS_ENDPOINT_URL")}
    account = {"AWS_ACCESS_KEY_ID": "424242424242", "AWS_SECRET_ACCESS_KEY": "test"}
    outcome = checkout.up(**given, **account)
    assert outcome.returncode == 0, outcome.stdout
    assert set(checkout.state.processes) == {"gateway", "notes", "notes worker"}
    assert checkout.state.resources["account_id"] == "424242424242"


def test_processes_are_told_what_the_declarations_wire(running) -> None:
    environment = _ask(running.state.services["gateway"].url)
    assert environment["GATEWAY_NOTES_URL"] == running.state.services["notes"].url
    assert environment["GATEWAY_ENVIRONMENT"] == "local"
    assert environment["AWS_ENDPOINT_URL"] == running.state.addresses["AWS_ENDPOINT_URL"]


def test_a_command_beside_a_suite_of_its_own_finds_it_and_leaves_nothing(checkout) -> None:
    asking = "import os, urllib.request; urllib.request.urlopen(os.environ['MESSENGER_URL'] + '/readyz')"
    outcome = checkout.run("run", "--suite", "--", sys.executable, "-c", f"{asking}; raise SystemExit(7)")
    assert outcome.returncode == 7, outcome.stdout + outcome.stderr
    assert checkout.leftovers() == []
    assert list((checkout.folder / ".local" / "run").iterdir()) == []


def _ask(url: str) -> dict[str, str]:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/environment")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
