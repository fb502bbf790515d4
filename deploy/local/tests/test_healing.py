"""kill -9 of any process while the suite is up: it comes back, and what it knew with it."""

import os
import signal

import pytest

from localcloud.provision import connect


@pytest.mark.parametrize("name", ["gateway", "notes", "notes worker"])
def test_a_killed_service_comes_back(running, name: str) -> None:
    running.kill(name)
    running.until(lambda: running.answers(name))


def test_postgres_comes_back_with_what_was_committed(running) -> None:
    running.psql("INSERT INTO notes VALUES ('committed')")
    running.kill("postgres")
    running.until(lambda: running.psql("SELECT text FROM notes") == "committed")


def test_valkey_comes_back(running) -> None:
    running.kill("valkey")
    running.until(lambda: "valkey is ready again" in _supervisor_log(running))


def test_the_emulator_comes_back_with_its_state(running) -> None:
    queue = "messenger-local-notes-inbox"
    sqs = connect(running.state.addresses["AWS_ENDPOINT_URL"], "test", "test")("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    snapshot = running.folder / ".local" / "data" / "emulator" / "state" / "sqs.json"
    running.until(lambda: snapshot.is_file() and "kept" in snapshot.read_text())
    keys = running.state.credentials
    running.kill("emulator")
    running.until(lambda: "emulator is ready again" in _supervisor_log(running))
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"][0]["Body"] == "kept"
    assert running.state.credentials == keys


def test_an_emulator_that_lost_its_state_is_provisioned_again_and_the_services_get_new_keys(running) -> None:
    before = running.state.credentials.identities["notes"]
    worker = running.pid("notes worker")
    for file in (running.folder / ".local" / "data" / "emulator" / "state").glob("*.json"):
        file.unlink()
    os.kill(running.pid("emulator"), signal.SIGKILL)
    running.until(lambda: running.state.credentials.identities["notes"] != before)
    running.until(lambda: running.pid("notes worker") != worker and running.answers("notes worker"))


def test_changed_code_starts_its_service_anew(running) -> None:
    before, gateway = running.pid("notes"), running.pid("gateway")
    main = running.folder / "services" / "notes" / "src" / "notes_service" / "main.py"
    main.write_text(main.read_text() + "\n")
    running.until(lambda: running.pid("notes") != before and running.answers("notes"))
    assert running.pid("gateway") == gateway


def test_changed_library_code_starts_every_service_anew(running) -> None:
    before = running.pid("gateway")
    library = running.folder / "libs" / "answering" / "src" / "answering" / "__init__.py"
    library.write_text(library.read_text() + "\n")
    running.until(lambda: running.pid("gateway") != before and running.answers("gateway"))


def _supervisor_log(checkout) -> str:
    return (checkout.folder / ".local" / "log" / "supervisor.log").read_text()
