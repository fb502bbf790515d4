"""Asks a scanner about a file. clamd is one; another needs nothing but a `scan` of its own.

clamd's protocol: https://docs.clamav.net/manual/Usage/Scanning.html#clamd, `INSTREAM`: pieces with their lengths in
front, ended by an empty one. The file is streamed as it is read, so that clamd needs no access to our disk.
"""

import asyncio
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from media_service.scanners.errors import ScannerUnavailable
from servicekit.telemetry import meter

_PIECE = 64 * 1024
_LONGEST_ANSWER = 4096
_verdicts = meter.create_counter("media.scans", description="Files by what the scanner said of them")


class Verdict(StrEnum):
    """What is known of a file."""

    CLEAN = "clean"
    INFECTED = "infected"
    UNSCANNED = "unscanned"
    """Nobody looked: there is no scanner, or the file is larger than it takes."""


class Scanner(Protocol):
    """Says what is known of a file."""

    async def scan(self, path: Path) -> Verdict:
        """Look at a file. Raises `ScannerUnavailable`."""
        ...


class NoScanner:
    """Stands where there is none."""

    async def scan(self, path: Path) -> Verdict:
        """Nobody looks."""
        _verdicts.add(1, {"verdict": Verdict.UNSCANNED})
        return Verdict.UNSCANNED


class ClamdScanner:
    """Asks clamd over TCP.

    What is larger than its `StreamMaxLength`, given in bytes, it is not asked about: it would hang up, and mostly take
    its answer with it. `seconds` is for the whole of a file.
    """

    def __init__(self, host: str, port: int, most_bytes: int, seconds: float = 120.0) -> None:
        self._host = host
        self._port = port
        self._most_bytes = most_bytes
        self._seconds = seconds

    async def scan(self, path: Path) -> Verdict:
        """Look at a file. Raises `ScannerUnavailable`."""
        if _size(path) > self._most_bytes:
            return await NoScanner().scan(path)
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._ask(path)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ScannerUnavailable(f"clamd does not answer: {error!r}") from error
        verdict = _verdict(answer)
        _verdicts.add(1, {"verdict": verdict})
        return verdict

    async def _ask(self, path: Path) -> str:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=_LONGEST_ANSWER)
        try:
            answer = asyncio.ensure_future(reader.readuntil(b"\0"))
            try:
                await _send(path, writer, answer)
                return (await answer)[:-1].decode(errors="replace")
            finally:
                answer.cancel()
        finally:
            writer.close()


async def _send(path: Path, writer: asyncio.StreamWriter, answer: "asyncio.Future[bytes]") -> None:
    """Send a file, but no more of it once clamd has said what it has to say."""
    writer.write(b"zINSTREAM\0")
    try:
        for piece in _pieces(path):
            writer.write(len(piece).to_bytes(4, "big") + piece)
            await writer.drain()
            if answer.done():
                return
    except ConnectionError:
        return  # it hung up, mostly after an answer that tells why; where there is none, reading it fails


def _size(path: Path) -> int:
    return path.stat().st_size


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
    yield b""


def _verdict(answer: str) -> Verdict:
    if answer.endswith(" FOUND"):
        return Verdict.INFECTED
    if answer.endswith(": OK"):
        return Verdict.CLEAN
    if "size limit exceeded" in answer:
        return Verdict.UNSCANNED
    raise ScannerUnavailable(f"clamd says: {answer}")


def scanner_at(address: str | None, most_bytes: int) -> Scanner:
    """The scanner at `host:port`, which takes files up to a size; none where there is no address."""
    if not address:
        return NoScanner()
    host, _, port = address.rpartition(":")
    return ClamdScanner(host, int(port), most_bytes)
