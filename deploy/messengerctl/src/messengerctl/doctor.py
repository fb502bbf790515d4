"""Looks at everything that a local suite stands on, and says of each what is wrong and what to do about it."""

import asyncio
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx

from localcloud.processes import is_free
from messengerctl.audit.inbox import queue_depths, split_dead
from messengerctl.audit.log import read_log
from messengerctl.suite import Suite

MINIMUM_PYTHON = (3, 11)
MINIMUM_DISK = 1024**3
MAXIMUM_SKEW_SECONDS = 5.0
MAXIMUM_LAG = 1000
MAXIMUM_DEPTH = 1000


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, whether it is well, what was seen, and what to do if it is not."""

    what: str
    well: bool
    seen: str
    remedy: str = ""


Check = Callable[[], Awaitable[list[Finding]]]


async def examine(suite: Suite, port: int) -> list[Finding]:
    """Check the machine, and the suite if it is up."""
    findings = [_python(), _disk(suite.path.parent)]
    if not suite.up:
        down = Finding("suite", well=False, seen="is not up", remedy="start it with `make up`")
        return [*findings, _port(port), down]
    findings += _processes(suite)
    checks: list[tuple[str, Check]] = [
        ("postgres", lambda: _postgres(suite)),
        ("valkey", lambda: _valkey(suite)),
        ("emulator", lambda: _emulator(suite)),
        ("queues", lambda: _queues(suite)),
        ("relay", lambda: _relay(suite)),
    ]
    for what, check in checks:
        findings += await _guarded(what, check)
    return findings


async def _guarded(what: str, check: Check) -> list[Finding]:
    """Turn a check that cannot be made into a finding: a doctor must not fall ill."""
    try:
        async with asyncio.timeout(10):
            return await check()
    except Exception as error:
        seen = f"cannot be examined: {type(error).__name__} {error}".rstrip()
        return [Finding(what, well=False, seen=seen, remedy=f"see `make logs` for {what}")]


def _python() -> Finding:
    version = sys.version.split()[0]
    return Finding("python", sys.version_info >= MINIMUM_PYTHON, version, "use Python 3.11 or newer")


def _disk(folder: Path) -> Finding:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    return Finding("disk", free > MINIMUM_DISK, f"{free / 1024**3:.1f} GiB free", "make room, or `make clean`")


def _port(port: int) -> Finding:
    free = is_free(port)
    remedy = f"choose another: `make up PORT={port + 100}`"
    return Finding(f"port {port}", free, "is free" if free else "is taken", remedy)


def _processes(suite: Suite) -> list[Finding]:
    """Every process lives, and those that speak HTTP are ready."""
    findings = []
    for name, record in suite.state.processes.items():
        seen, well = f"pid {record.pid}", record.identity.alive
        if not well:
            seen = f"pid {record.pid} is dead"
        elif record.url.startswith("http") and name != "emulator":
            answer, well = _readiness(record.url)
            seen = f"pid {record.pid}, {answer}"
        findings.append(Finding(name, well, seen, f"see {record.log}"))
    return findings


def _readiness(url: str) -> tuple[str, bool]:
    try:
        answer = httpx.get(f"{url}/readyz", timeout=5)
    except httpx.TransportError as error:
        return f"does not answer: {type(error).__name__}", False
    return ("ready", True) if answer.is_success else (f"not ready: {answer.text[:200]}", False)


async def _postgres(suite: Suite) -> list[Finding]:
    connection = await asyncpg.connect(suite.database_url("chat"), timeout=5)
    try:
        used, most = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM pg_stat_activity), current_setting('max_connections')::int"
        )
        return [Finding("postgres answers", used < most * 0.9, f"{used} of {most} connections", "end what holds them")]
    finally:
        await connection.close()


async def _valkey(suite: Suite) -> list[Finding]:
    """Ask for its memory in its own protocol: no client library for one command."""
    address = urlsplit(suite.state.addresses["VALKEY_URL"])
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(b"INFO memory\r\n")
        size = int((await reader.readline())[1:])
        lines = (await reader.readexactly(size)).decode().splitlines()
    finally:
        writer.close()
        await writer.wait_closed()
    memory = dict(line.split(":", 1) for line in lines if ":" in line)["used_memory_human"]
    return [Finding("valkey answers", well=True, seen=f"{memory} in use")]


async def _emulator(suite: Suite) -> list[Finding]:
    """It answers, and our clock agrees with its, which request signatures need."""
    async with httpx.AsyncClient(timeout=5) as client:
        answer = await client.get(f"{suite.state.addresses['AWS_ENDPOINT_URL']}/_ministack/health")
    answer.raise_for_status()
    findings = [Finding("emulator answers", well=True, seen="healthy")]
    if date := answer.headers.get("date"):
        skew = abs(time.time() - parsedate_to_datetime(date).timestamp())
        findings.append(Finding("clock", skew < MAXIMUM_SKEW_SECONDS, f"{skew:.0f} s apart", "set the clock"))
    return findings


async def _queues(suite: Suite) -> list[Finding]:
    depths = await asyncio.to_thread(queue_depths, suite)
    waiting, dead = split_dead(depths)
    findings = [
        Finding(f"queue {name}", waiting.get(name, 0) < MAXIMUM_DEPTH, f"{depth} waiting", "see its consumer's log")
        for name, depth in depths.items()
        if not name.endswith("-dlq")
    ]
    seen = ", ".join(f"{depth} in {name}" for name, depth in dead.items()) or "empty"
    return [*findings, Finding("dead letters", not dead, seen, "see the consumer's log; `audit` names what is missing")]


async def _relay(suite: Suite) -> list[Finding]:
    async with read_log(suite.database_url("chat")) as log:
        behind = len(await log.unpublished())
    return [Finding("relay", behind < MAXIMUM_LAG, f"{behind} events behind", "see the log of chat worker")]
