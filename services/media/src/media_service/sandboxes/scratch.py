"""The folder in which one worker keeps the files that it works on.

A worker that is killed leaves its folder behind, with somebody's pictures in it. Each folder has a lock that its worker
holds as long as it lives, and that the system lets go of however it ends: who can take the lock of another's folder
knows that nobody works there any more. What a worker starts does not inherit the lock.
"""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from servicekit.telemetry import meter, record_failure

log = logging.getLogger(__name__)
PREFIX = "messenger-media-"
LOCK = "lock"
_left_behind = meter.create_counter("media.scratch_removed", description="Folders that dead workers left behind")


@contextmanager
def open_scratch(parent: Path | None = None) -> Iterator[Path]:
    """A new folder of this worker's own, removed at the end; those of dead workers beside it are removed first."""
    parent = parent or Path(tempfile.gettempdir())
    remove_stale(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        with (folder / f"{LOCK}.new").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / f"{LOCK}.new").rename(folder / LOCK)  # whoever sees it finds it taken
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale(parent: Path) -> None:
    """Remove the folders of workers that are dead; one that cannot be removed is no reason not to start."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if _is_ours(folder):
                _remove_if_stale(folder)
        except OSError as error:
            record_failure("scratch", error, folder=folder.name)


def _is_ours(folder: Path) -> bool:
    """Whether the folder is a real one of this user's: others may write beside it, links too."""
    return not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.getuid()


def _remove_if_stale(folder: Path) -> None:
    with suppress(FileNotFoundError):  # another worker, which starts too, was quicker
        with (folder / LOCK).open("rb") as lock:
            if not _take(lock):
                return
            shutil.rmtree(folder)
        _left_behind.add(1)
        log.info("removed %s, which a dead worker had left behind", folder.name)


def _take(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
