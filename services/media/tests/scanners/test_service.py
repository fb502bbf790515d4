"""The scanner clamd, by a server that speaks its protocol to the letter, and by clamd itself where it is installed.

One suite runs against both. The real one gets a signature of its own making: its databases come from the Internet.
"""

import asyncio
import shutil
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media_service.scanners.errors import ScannerUnavailable
from media_service.scanners.service import ClamdScanner, NoScanner, Verdict, scanner_at
from servicekit.testing import eventually

HARM = b"THIS-IS-KNOWN-TO-DO-HARM-1F0E6C"
LIMIT = 1 << 20
PROGRAM = shutil.which("clamd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


class Clamd:
    """A server of the protocol: `zINSTREAM`, pieces with their lengths in front, an empty one, a verdict, a zero."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.hang_up_after: int | None = None
        self.is_silent = False
        self.callers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers.append(writer)
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        self.received.clear()
        while length := struct.unpack("!L", await reader.readexactly(4))[0]:
            if len(self.received) + length > LIMIT:
                writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                break
            self.received += await reader.readexactly(length)
            if self.hang_up_after is not None and len(self.received) > self.hang_up_after:
                break
        else:
            if not self.is_silent:
                writer.write(b"stream: Harm.Known FOUND\0" if HARM in self.received else b"stream: OK\0")
        await writer.drain()
        if not self.is_silent:
            writer.close()


@pytest.fixture
def clamd() -> Clamd:
    return Clamd()


@pytest.fixture
async def imitated(clamd: Clamd) -> AsyncIterator[str]:
    async with await asyncio.start_server(clamd.serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for caller in clamd.callers:
            caller.close()


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[str]:
    if not PROGRAM:
        pytest.skip("clamd is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    database = tmp_path / "signatures"
    database.mkdir(mode=0o755)
    (database / "ours.ndb").write_text(f"Harm.Known:0:*:{HARM.hex()}\n")
    configuration = tmp_path / "clamd.conf"
    configuration.write_text(
        f"Foreground yes\nTCPSocket {port}\nTCPAddr 127.0.0.1\nDatabaseDirectory {database}\n"
        f"StreamMaxLength {LIMIT}\nTemporaryDirectory {tmp_path}\n"
    )
    running = await asyncio.create_subprocess_exec(
        PROGRAM, "-c", str(configuration), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )

    async def listens() -> bool:
        assert running.returncode is None
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await eventually(listens, 60)
        yield f"127.0.0.1:{port}"
    finally:
        running.terminate()
        await running.wait()


@pytest.fixture(params=["imitated", "real"])
def address(request: pytest.FixtureRequest) -> str:
    """Where either of them listens."""
    found: str = request.getfixturevalue(request.param)
    return found


def file_of(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "sent"
    path.write_bytes(content)
    return path


async def test_verdicts(address: str, tmp_path: Path) -> None:
    scanner = scanner_at(address, LIMIT)

    assert await scanner.scan(file_of(tmp_path, b"harmless" * 50_000)) is Verdict.CLEAN
    assert await scanner.scan(file_of(tmp_path, bytes(500_000) + HARM + bytes(100_000))) is Verdict.INFECTED
    assert await scanner.scan(file_of(tmp_path, b"")) is Verdict.CLEAN
    assert await scanner.scan(file_of(tmp_path, bytes(LIMIT * 8))) is Verdict.UNSCANNED


async def test_a_scanner_that_takes_less_than_was_said_leaves_a_file_unscanned(imitated: str, tmp_path: Path) -> None:
    assert await scanner_at(imitated, LIMIT * 2).scan(file_of(tmp_path, bytes(LIMIT + 1))) is Verdict.UNSCANNED


async def test_a_file_arrives_as_it_is(imitated: str, clamd: Clamd, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2000

    await scanner_at(imitated, LIMIT).scan(file_of(tmp_path, content))

    assert clamd.received == content


async def test_where_nobody_listens_there_is_no_verdict(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(ScannerUnavailable):
        await ClamdScanner("127.0.0.1", port, LIMIT).scan(file_of(tmp_path, b"x"))


async def test_who_hangs_up_gives_no_verdict(imitated: str, clamd: Clamd, tmp_path: Path) -> None:
    clamd.hang_up_after = 100_000

    with pytest.raises(ScannerUnavailable):
        await scanner_at(imitated, LIMIT).scan(file_of(tmp_path, bytes(900_000)))


async def test_who_stays_silent_gives_no_verdict(imitated: str, clamd: Clamd, tmp_path: Path) -> None:
    clamd.is_silent = True
    host, _, port = imitated.rpartition(":")

    with pytest.raises(ScannerUnavailable):
        await ClamdScanner(host, int(port), LIMIT, seconds=0.3).scan(file_of(tmp_path, b"x"))


async def test_without_a_scanner_that_is_said(tmp_path: Path) -> None:
    scanner = scanner_at(None, LIMIT)

    assert isinstance(scanner, NoScanner)
    assert await scanner.scan(file_of(tmp_path, HARM)) is Verdict.UNSCANNED
