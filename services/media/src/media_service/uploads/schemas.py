"""What the routes of uploads take and give."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field, StringConstraints

from media_service.files.models import Caption, Purpose
from messenger_contracts.shapes import Request, Shape, Timestamp

UploadPath = Annotated[str, Path(max_length=64)]
Filename = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[^/\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$"),
]
"""Neither a path nor control characters, among them those that turn `gpj.exe` around for the eye."""
ContentType = Annotated[
    str, StringConstraints(max_length=127, to_lower=True, pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$")
]
Sha256 = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9A-Fa-f]{64}$")]


class UploadCreate(Request):
    """A file that is to come. What is declared here is what is taken, and nothing else."""

    filename: Filename
    content_type: ContentType = Field(description="RFC 6838 `type/subtype`, without parameters")
    size: int = Field(ge=1, description="Bytes")
    sha256: Sha256 | None = Field(None, description="Of the whole file, in hex; finds what the caller already has")
    purpose: Purpose = Field(
        description="What is for a `message` goes to the bin when it has hung nowhere for a while; the rest stays"
    )
    caption: Caption | None = Field(None, description="For all who see the file; a file that `exists` keeps its own")


class UploadRequest(Shape):
    """A request to S3 that uploads a file, or a part of one, with exactly these headers."""

    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: Timestamp = Field(description="When the request must have begun")


class MultipartUpload(Shape):
    """An upload in parts: ask `POST …/parts` for their requests, send them in any order, then `POST …/complete`."""

    method: Literal["multipart"] = "multipart"
    url: str = Field(description="The path to ask for the requests of the parts")
    part_size: int = Field(description="Bytes of every part but the last")
    parts: int = Field(description="How many there are")
    expires_at: Timestamp = Field(description="When what has arrived until then is thrown away")


class Upload(Shape):
    """An upload that may begin, or the file that makes it needless."""

    media_id: str
    exists: bool = Field(False, description="The caller has a file of this content: `media_id` is that file's")
    upload: UploadRequest | MultipartUpload | None = None


class PartState(Shape):
    """One part: arrived, or how to send it."""

    number: int
    size: int
    uploaded: bool
    upload: UploadRequest | None = None


class PartList(Shape):
    """The parts of an upload; a file that is sent in one piece has one."""

    part_size: int
    items: list[PartState]
