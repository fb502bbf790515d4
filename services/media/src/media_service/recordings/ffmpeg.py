"""Asks ffmpeg, where there is one. It decodes what strangers made: call it in a sandbox alone.

The demuxer is named, not guessed: a playlist that calls itself a film would have ffmpeg open other files and addresses.
"""

import subprocess
from array import array
from dataclasses import dataclass
from pathlib import Path

from media_service.contents.errors import Refused
from media_service.recordings.domain import Container, Waveform
from messenger_contracts.media import RejectReason

RATE = 8_000
"""Samples a second that a waveform is made of."""
MILLISECOND = 1_000
"""In microseconds, as ffmpeg tells progress."""
_PIECE = 1 << 16
_ONLY_FILES = ("-protocol_whitelist", "file,pipe")
_NOTHING_TOLD = ("-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """The program, and the most pixels that a frame may have."""

    program: str
    most_pixels: int

    def strip(self, source: Path, container: Container, target: Path, *, picture: bool) -> int:
        """Copy sound, and picture if asked, without anything else that is in the file; its length in milliseconds.

        Streams are copied as they are: titles, places, chapters, cover pictures and data tracks are left behind.
        Raises `Refused` when there is nothing to copy.
        """
        streams = ("-map", "0:V?", "-map", "0:a?") if picture else ("-map", "0:a")
        faststart = ("-movflags", "+faststart") if container.demuxer == "mov" else ()
        command = (*streams, *_NOTHING_TOLD, "-c", "copy", *faststart, "-progress", "pipe:1", "-f", container.muxer)
        told = self._run(source, container, *command, str(target))
        times = [line.partition("=")[2] for line in told.decode().splitlines() if line.startswith("out_time_us=")]
        return max(0, int(times[-1])) // MILLISECOND if times and times[-1].lstrip("-").isdigit() else 0

    def first_frame(self, source: Path, container: Container, target: Path) -> bool:
        """Write a film's first frame, upright, as a PNG; False if there is no picture in it but, perhaps, a cover."""
        command = ("-map", "0:V:0", "-frames:v", "1", "-c:v", "png", "-f", "image2pipe", "pipe:1")
        frame = self._run(source, container, *command, accept_none=True)
        target.write_bytes(frame)
        return bool(frame)

    def metadata(self, source: Path, container: Container) -> str:
        """What a film tells of itself, as `recorded_at` reads it."""
        return self._run(source, container, "-map_metadata", "0", "-f", "ffmetadata", "pipe:1").decode(errors="replace")

    def waveform(self, source: Path, container: Container, milliseconds: int) -> list[int]:
        """Loudness over time."""
        output = ("-map", "0:a:0", "-ac", "1", "-ar", str(RATE), "-f", "s16le", "pipe:1")
        form = Waveform(milliseconds * RATE // 1000)
        with subprocess.Popen(self._command(source, container, *output), stdout=subprocess.PIPE) as running:  # noqa: S603
            assert running.stdout  # noqa: S101 - it was asked for
            while piece := running.stdout.read(_PIECE):
                form.add(array("h", piece[: len(piece) // 2 * 2]))
        if running.returncode:
            raise _damaged(b"its sound cannot be decoded")
        return form.peaks()

    def _run(self, source: Path, container: Container, *output: str, accept_none: bool = False) -> bytes:
        done = subprocess.run(self._command(source, container, *output), capture_output=True, check=False)  # noqa: S603
        if done.returncode and not (accept_none and b"matches no streams" in done.stderr):
            raise _damaged(done.stderr)
        return done.stdout

    def _command(self, source: Path, container: Container, *output: str) -> list[str]:
        quiet = (self.program, "-nostdin", "-hide_banner", "-v", "error", "-y", "-threads", "1")
        bounded = ("-max_pixels", str(self.most_pixels), *_ONLY_FILES, "-f", container.demuxer)
        return [*quiet, *bounded, "-i", str(source), "-threads", "1", *output]


def _damaged(told: bytes) -> Refused:
    lines = told.decode(errors="replace").strip().splitlines()
    return Refused(
        RejectReason.DAMAGED, f"The recording cannot be read: {lines[-1][-200:] if lines else 'no reason given'}"
    )
