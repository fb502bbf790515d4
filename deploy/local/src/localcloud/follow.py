"""The logs of all processes as one stream, each line with the name of who wrote it."""

import itertools
import time
from pathlib import Path

import rich
from rich.text import Text

from localcloud.errors import LocalCloudError
from localcloud.processes import log_end

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red")
_POLL_SECONDS = 0.2


class _Tail:
    """What was appended to a log since the last look; a line that is not finished waits."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._position = log.stat().st_size
        self._inode = log.stat().st_ino

    def lines(self) -> list[str]:
        status = self._log.stat()
        if status.st_ino != self._inode or status.st_size < self._position:
            self._position, self._inode = 0, status.st_ino
        with self._log.open("rb") as file:
            file.seek(self._position)
            fresh = file.read()
        finished = fresh[: fresh.rfind(b"\n") + 1]
        self._position += len(finished)
        return finished.decode(errors="replace").splitlines()


def follow(folder: Path, names: list[str], past: int) -> None:
    """Print the last lines of the logs, then each new line, until interrupted."""
    wanted = {name.replace(" ", "-") for name in names}
    colours = itertools.cycle(_COLOURS)
    known: dict[Path, tuple[str, _Tail]] = {}
    if not folder.exists():
        raise LocalCloudError("there are no logs: nothing was started yet")
    while True:
        for log in sorted(folder.glob("*.log")):
            if (not wanted or log.stem in wanted) and log not in known:
                known[log] = (next(colours), _Tail(log))
                _print(log, known[log][0], log_end(log, past).splitlines())
        for log, (colour, tail) in known.items():
            if log.exists():
                _print(log, colour, tail.lines())
        time.sleep(_POLL_SECONDS)


def _print(log: Path, colour: str, lines: list[str]) -> None:
    for line in lines:
        rich.get_console().print(Text.assemble((f"{log.stem:<20} ", colour), line), soft_wrap=True)
