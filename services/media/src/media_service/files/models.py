"""A file as the table `media` holds it, and what processing finds out about one."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from messenger_contracts.media import MediaKind, MediaStatus, RejectReason
from messenger_contracts.shapes import Shape, Timestamp

Purpose = Literal["library", "message", "post", "comment", "avatar", "background"]
"""What a file is uploaded for."""
COUNTED = frozenset({"message"})
"""The purposes of which events tell where files hang: these files go when they hang nowhere.

The rest stays until its owner deletes it. Posts and comments belong here as soon as social-graph tells of theirs.
"""
SHOWN_TO_ALL = frozenset({"avatar", "background"})
"""The purposes for which a file is seen by every signed-in person."""
Scan = Literal["clean", "unscanned"]
Caption = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
"""Words under a file, for all who see it, and instead of it for those who cannot."""


class StoredVariant(Shape):
    """One form of a file, and where it lies. What has no picture has neither width nor height."""

    key: str
    content_type: str
    size: int
    width: int | None = None
    height: int | None = None


class Crop(Shape):
    """A part of a picture that the owner wants as a variant; pixels of the picture as it is shown, upright."""

    x: int
    y: int
    width: int
    height: int


class Facts(Shape):
    """What processing found out. Of `variants`, others may fetch all but `private`.

    `original` is what others get as the original, stripped of what it tells about the owner; `private`, if it is
    there, is what the owner gets instead: the bytes as they were uploaded.
    """

    kind: MediaKind
    content_type: str
    sha256: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    blurhash: str | None = None
    color: str | None = None
    waveform: list[int] | None = None
    taken_at: Timestamp | None = None
    preview: bool | None = None
    scan: Scan = "unscanned"
    variants: dict[str, StoredVariant]


class File(Shape):
    """A file's record."""

    id: str
    owner_id: str
    purpose: Purpose
    filename: str
    content_type: str
    """As declared until it is ready, as found from then on."""
    size: int
    """As declared, which processing holds it to."""
    sha256: str | None = None
    """In hex; as declared, if it was, until it is ready."""
    status: MediaStatus = "pending"
    version: int = 1
    created_at: Timestamp
    upload_id: str | None = None
    """S3's name of a multipart upload that is under way."""
    part_size: int | None = None
    uploaded_at: Timestamp | None = None
    attempts: int = 0
    """How often processing began."""
    reason: RejectReason | None = None
    kind: MediaKind | None = None
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    blurhash: str | None = None
    color: str | None = None
    waveform: list[int] | None = None
    taken_at: Timestamp | None = None
    preview: bool | None = None
    scan: Scan | None = None
    variants: dict[str, StoredVariant] = {}
    crops: dict[str, Crop] = {}
    """Those that the owner wants, made or not, by the name of their variant."""
    tags: list[str] = []
    caption: str | None = None
    places: dict[str, int] = {}
    """How often it hangs in each place; who may see a place stands in `grants`."""
    deleted_at: Timestamp | None = None
    due_at: int | None = None
    """When the sweep must look at it next, in Unix seconds."""

    @property
    def may_go_unused(self) -> bool:
        """Whether it goes to the bin when it has hung nowhere for long."""
        return self.purpose in COUNTED and self.status == "ready" and self.deleted_at is None

    @property
    def is_used(self) -> bool:
        """Whether it hangs anywhere."""
        return any(count > 0 for count in self.places.values())
