"""A worker's folder goes when it ends, and when it was killed, with the next that starts."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from media_service.sandboxes.scratch import LOCK, PREFIX, open_scratch, remove_stale

WORKER = """
import sys
from pathlib import Path
from media_service.sandboxes.scratch import open_scratch
with open_scratch(Path(sys.argv[1])) as folder:
    (folder / "source").write_text("a picture")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path: Path):
    """Start a worker in a process of its own; gives it, and its folder."""
    workers = []

    def begin() -> tuple[subprocess.Popen[str], Path]:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        workers.append(worker)
        return worker, Path(worker.stdout.readline().strip())

    yield begin
    for worker in workers:
        worker.kill()
        worker.communicate()


def test_a_folder_goes_with_its_worker(tmp_path: Path) -> None:
    with open_scratch(tmp_path) as folder:
        (folder / "source").write_bytes(b"a picture")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_worker_left_goes_and_a_living_siblings_stays(tmp_path: Path, start) -> None:
    killed, left_behind = start()
    _, at_work = start()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert (left_behind / "source").exists()

    with open_scratch(tmp_path) as mine:
        assert set(tmp_path.iterdir()) == {mine, at_work}
        assert (at_work / "source").read_text() == "a picture"


def test_a_worker_that_ends_takes_its_folder_along(tmp_path: Path, start) -> None:
    worker, folder = start()
    worker.communicate()
    assert worker.returncode == 0
    assert not folder.exists()


def test_what_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    outside, parent = tmp_path / "outside", tmp_path / "scratch"
    outside.mkdir()
    (outside / LOCK).touch()
    parent.mkdir()
    (parent / f"{PREFIX}link").symlink_to(outside)
    (parent / f"{PREFIX}file").touch()
    (parent / f"{PREFIX}begun").mkdir()
    (parent / "another").mkdir()

    remove_stale(parent)

    assert {each.name for each in parent.iterdir()} == {
        f"{PREFIX}link",
        f"{PREFIX}file",
        f"{PREFIX}begun",
        "another",
    }
    assert (outside / LOCK).exists()


def test_a_folder_that_cannot_be_removed_keeps_nobody_from_starting(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}stuck" / LOCK).mkdir(parents=True)
    with open_scratch(tmp_path) as mine:
        assert mine.exists()
