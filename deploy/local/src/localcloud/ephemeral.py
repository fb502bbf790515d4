"""Servers for one command or one test session: fast, private, and gone without a trace when it ends."""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localcloud.emulator import Emulator
from localcloud.fleet import Fleet
from localcloud.paths import Layout
from localcloud.postgres import Postgres
from localcloud.processes import Program, free_port, identify
from localcloud.valkey import Valkey

VARIABLES = ("DATABASE_URL", "VALKEY_URL", "AWS_ENDPOINT_URL")


@contextmanager
def servers(layout: Layout, given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run those of the three servers whose address is not `given`; yield the addresses of all, by variable name."""
    addresses = {name: given[name] for name in VARIABLES if given.get(name)}
    fleet = Fleet(record=lambda _: None, say=lambda _: None)
    with temporary_home(layout) as home:
        try:
            fleet.start(_missing(home, addresses))
            fleet.wait()
            yield addresses
        finally:
            fleet.stop()


@contextmanager
def temporary_home(layout: Layout) -> Iterator[Path]:
    """Yield a folder that is removed at the end: here, or by the next one who comes if we are killed."""
    _sweep(layout.runs)
    home = layout.runs / f"{_owner(os.getpid())}-{secrets.token_hex(3)}"
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _missing(home: Path, addresses: dict[str, str]) -> list[Program]:
    """Return the servers that nobody gave, and add their addresses."""
    postgres = Postgres(home / "postgres", free_port(), secrets.token_urlsafe(18), durable=False)
    valkey = Valkey(home / "valkey", free_port())
    emulator = Emulator(home / "emulator", free_port(), durable=False)
    missing: list[Program] = []
    embedded: tuple[Postgres | Valkey | Emulator, ...] = (postgres, valkey, emulator)
    for name, server in zip(VARIABLES, embedded, strict=True):
        if name not in addresses:
            addresses[name] = server.url
            missing.append(server.program(home / f"{name}.log"))
    return missing


def _owner(pid: int) -> str:
    """Return who has this pid, in a form that fits a folder's name."""
    known = identify(pid)
    return f"{pid}-{''.join(filter(str.isalnum, known.started)) if known else ''}"


def _sweep(runs: Path) -> None:
    """Remove what sessions left behind that were killed; their servers died with them."""
    for folder in runs.glob("*-*-*"):
        owner = folder.name.rpartition("-")[0]
        if owner != _owner(int(owner.partition("-")[0])):
            shutil.rmtree(folder, ignore_errors=True)
