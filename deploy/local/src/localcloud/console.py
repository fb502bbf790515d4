"""What a person sees: progress while it works, one table when it is up, one line when it fails."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import rich
from rich.table import Table
from rich.text import Text

from localcloud.errors import LocalCloudError
from localcloud.processes import log_end


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show that something is being done, and when it is done how long it took."""
    console = rich.get_console()
    started = time.monotonic()
    with console.status(what):
        yield
    line = Text.assemble(("✓ ", "green"), what, (f"  {time.monotonic() - started:.1f} s", "dim"))
    console.print(line, soft_wrap=True)


def say(line: str) -> None:
    """Print a line that tells what happened by itself."""
    clock = time.strftime("%H:%M:%S")
    rich.get_console().print(Text.assemble((f"{clock} ", "dim"), line), soft_wrap=True)


def fail(error: LocalCloudError) -> None:
    """Print the one line, and the end of the log that tells more."""
    console = rich.get_console()
    console.print(Text.assemble(("error: ", "bold red"), error.message), soft_wrap=True)
    if error.log and (end := log_end(error.log)):
        console.print(Text(f"the end of {error.log}:", "dim"), soft_wrap=True)
        console.print(Text(end), soft_wrap=True)


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print a table."""
    shown = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        shown.add_column(column, no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    rich.get_console().print(shown)
