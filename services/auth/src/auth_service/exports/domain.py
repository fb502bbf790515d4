"""The rules of exports: how often, how long, and how the archive is put together. No I/O."""

import time
import zipfile
from collections.abc import Sequence
from io import RawIOBase
from typing import Any

import orjson

from messenger_contracts.personal_data import PersonalRecord

DAY_SECONDS = 24 * 3600
MOST_A_DAY = 2
KEPT_SECONDS = 7 * DAY_SECONDS
"""As long as the bucket keeps an archive: `infra/buckets.json`."""
LINK_SECONDS = 300
CLAIM_SECONDS = 60
"""How long one worker has an export to itself without a sign of life."""
MOST_TRIES = 8
PART_BYTES = 8 * 1024 * 1024
"""S3 takes parts of 5 MiB to 5 GiB, ten thousand of them: an archive of up to 80 GB."""


def recent(requests: Sequence[int], now: int) -> list[int]:
    """Those of some requests that count."""
    return [at for at in requests if now - at < DAY_SECONDS]


def retry_after(requests: Sequence[int], now: int) -> int:
    """Seconds until one may ask again; 0 for now."""
    counted = recent(requests, now)
    return max(min(counted) + DAY_SECONDS - now, 1) if len(counted) >= MOST_A_DAY else 0


def pause(tries: int) -> int:
    """Seconds until an export that failed is tried again: 2, 4, 8, … at most five minutes."""
    return min(2 << tries, 300)


class _Sink(RawIOBase):
    """Takes what a ZIP file writes, which never goes back."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


class Archive:
    """A ZIP file under way: of records one file a kind, one JSON object a line, and files as they are.

    It holds what has not been taken, and no more.
    """

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        self._entry: Any = None
        self._name = ""
        self._names: set[str] = set()

    def add(self, service: str, records: Sequence[PersonalRecord]) -> None:
        """Write records; those of one kind follow each other."""
        for record in records:
            self._turn_to(f"{service}/{record.kind}.jsonl")
            self._entry.write(orjson.dumps(record.data, option=orjson.OPT_APPEND_NEWLINE))

    def begin(self, service: str, name: str) -> None:
        """Begin a file that is to lie there as it is. It is not compressed: pictures, sounds and films are already."""
        path = f"{service}/{name}"
        self._claim(path)
        entry = zipfile.ZipInfo(path, time.gmtime()[:6])
        self._entry = self._zip.open(entry, "w", force_zip64=True)

    def append(self, piece: bytes) -> None:
        """Write some more of the file that was begun."""
        self._entry.write(piece)

    def close(self) -> None:
        """Write what ends the file."""
        self._leave()
        self._zip.close()

    @property
    def waiting(self) -> int:
        """How many bytes there are to take."""
        return len(self._sink.data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._sink.data)
        self._sink.data.clear()
        return taken

    def _turn_to(self, name: str) -> None:
        if name == self._name:
            return
        self._claim(name)
        self._name, self._entry = name, self._zip.open(name, "w", force_zip64=True)

    def _claim(self, name: str) -> None:
        self._leave()
        if name in self._names:
            raise ValueError(f"what belongs into {name} does not follow each other")
        self._names.add(name)

    def _leave(self) -> None:
        if self._entry:
            self._entry.close()
        self._name, self._entry = "", None
