"""Which containers we take apart, when they say they were recorded, and what a sound looks like."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

PEAKS = 100
"""How many bars a waveform has at most."""
LOUDEST = 100
_FULL_SCALE = 32_768
_CLOCKS = ("com.apple.quicktime.creationdate", "creation_time")
"""What phones and cameras name the time of a recording; the first stays as it was when the film was cut or sent on."""


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file that holds films or sounds, by the names that ffmpeg has for reading and for writing it."""

    demuxer: str
    muxer: str
    extension: str


CONTAINERS: Mapping[str, Container] = {
    "video/mp4": Container("mov", "mp4", "mp4"),
    "video/quicktime": Container("mov", "mov", "mov"),
    "video/webm": Container("matroska", "webm", "webm"),
    "video/x-matroska": Container("matroska", "matroska", "mkv"),
    "video/ogg": Container("ogg", "ogg", "ogv"),
    "video/x-msvideo": Container("avi", "avi", "avi"),
    "audio/mp4": Container("mov", "ipod", "m4a"),
    "audio/webm": Container("matroska", "webm", "weba"),
    "audio/x-matroska": Container("matroska", "matroska", "mka"),
    "audio/ogg": Container("ogg", "ogg", "ogg"),
    "audio/mpeg": Container("mp3", "mp3", "mp3"),
    "audio/aac": Container("aac", "adts", "aac"),
    "audio/flac": Container("flac", "flac", "flac"),
    "audio/wav": Container("wav", "wav", "wav"),
    "audio/x-msvideo": Container("avi", "matroska", "mka"),
}


def recorded_at(told: str) -> datetime | None:
    """When a film was taken, from its own metadata in ffmpeg's format: `name=value`, a line each, then sections."""
    own, _, _ = told.partition("\n[")
    fields = dict(line.split("=", 1) for line in own.splitlines() if "=" in line)
    for name in _CLOCKS:
        try:
            found = datetime.fromisoformat(fields.get(name, ""))
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


class Waveform:
    """Loudness over time, gathered from samples as they come: 16 bits, one channel, of a known length."""

    def __init__(self, samples: int) -> None:
        self._per_peak = max(1, -(-samples // PEAKS))
        self._peaks: list[int] = []
        self._current = 0
        self._seen = 0

    def add(self, samples: "array[int]") -> None:
        """Take further samples."""
        at = 0
        while at < len(samples):
            piece = samples[at : at + self._per_peak - self._seen]
            self._current = max(self._current, max(piece), -min(piece))
            self._seen += len(piece)
            at += len(piece)
            if self._seen == self._per_peak:
                self._close()

    def peaks(self) -> list[int]:
        """The bars, 0 to 100: the loudest sample of each stretch, against the loudest that there can be."""
        if self._seen:
            self._close()
        return self._peaks[:PEAKS]

    def _close(self) -> None:
        self._peaks.append(round(self._current * LOUDEST / _FULL_SCALE))
        self._current = self._seen = 0
