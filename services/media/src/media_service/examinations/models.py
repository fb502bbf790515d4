"""What goes into a sandbox and comes out of it.

A report was written by a process that a hostile file may have taken over: it is read as anything from outside is, and
the names of files in it are held to a pattern that stays in the folder.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from media_service.pictures.domain import PictureLimits
from messenger_contracts.media import MediaKind, RejectReason

Name = Annotated[str, Field(pattern=r"^[a-z]{1,16}$")]
FileName = Annotated[str, Field(pattern=r"^[a-z]{1,16}\.[a-z0-9]{1,8}$")]
Pixels = Annotated[int, Field(ge=1, le=1 << 20)]


class Order(BaseModel):
    """A file to look at, and a folder to leave in what is made of it."""

    source: str
    folder: str
    declared: str
    """The type that the upload was declared with; of a crop, the type of the picture."""
    limits: PictureLimits
    ffmpeg: str | None
    """The program, if there is one."""
    crop: tuple[int, int, int, int] | None = None
    """Only this part is wanted: left, top, width and height."""


class Made(BaseModel):
    """A file in the folder."""

    file: FileName
    content_type: str = Field(max_length=128)
    width: Pixels | None = None
    height: Pixels | None = None


class Findings(BaseModel):
    """What a file is, and what was made of it."""

    content_type: str = Field(max_length=255)
    kind: MediaKind
    width: Pixels | None = None
    height: Pixels | None = None
    duration_ms: int | None = Field(None, ge=0)
    blurhash: str | None = Field(None, max_length=64)
    color: str | None = Field(None, pattern="^#[0-9a-f]{6}$")
    waveform: list[Annotated[int, Field(ge=0, le=100)]] | None = Field(None, max_length=200)
    taken_at: datetime | None = None
    made: dict[Name, Made] = Field({}, max_length=8)
    as_it_is: bool = False
    """Others get the file as it was uploaded: it tells no more than its sender means to say."""


class Refusal(BaseModel):
    """Why a file is not taken."""

    reason: RejectReason
    detail: str


class Report(BaseModel):
    """What became of an order: exactly one of both."""

    status: Literal["found", "refused"]
    findings: Findings | None = None
    refusal: Refusal | None = None
