"""Files as strangers send them, and somebody to examine them without a sandbox."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from media_service.examinations.examiner import examine
from media_service.examinations.models import Findings, Order
from media_service.examinations.service import ffmpeg_at
from media_service.pictures.domain import PictureLimits

Examine = Callable[..., Findings]
Render = Callable[..., Path]
SECRET = "MEET-ME-AT-NOON"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where what is made of a file is left."""
    made = tmp_path / "made"
    made.mkdir()
    return made


@pytest.fixture
def look(tmp_path: Path, folder: Path) -> Examine:
    """Examine a file in this process; raises `Refused`."""

    def examine_it(
        source: Path | bytes, declared: str = "application/octet-stream", *, ffmpeg: str | None = None, **limits: Any
    ) -> Findings:
        if isinstance(source, bytes):
            (tmp_path / "sent").write_bytes(source)
            source = tmp_path / "sent"
        order = Order(
            source=str(source), folder=str(folder), declared=declared, limits=PictureLimits(**limits), ffmpeg=ffmpeg
        )
        return examine(order)

    return examine_it


@pytest.fixture
def ffmpeg() -> str:
    """The program that a worker here would use."""
    program = ffmpeg_at("ffmpeg")
    assert program, "ffmpeg is part of the development environment, by imageio-ffmpeg"
    return program


@pytest.fixture
def render(ffmpeg: str, tmp_path: Path) -> Render:
    """Make a recording: two seconds of a test picture, a tone, or both, with a title and a place in it."""

    def make(name: str, *options: str, picture: bool = True, sound: bool = True) -> Path:
        target = tmp_path / name
        inputs = ("-f", "lavfi", "-i", "testsrc=size=160x90:rate=10:duration=2") if picture else ()
        inputs += ("-f", "lavfi", "-i", "sine=frequency=440:duration=2") if sound else ()
        told = ("-metadata", f"title={SECRET}", "-metadata", "location=+52.5200+013.4050/")
        command = (ffmpeg, "-v", "error", "-y", *inputs, *told, *options, str(target))
        subprocess.run(command, check=True, capture_output=True)
        return target

    return make
