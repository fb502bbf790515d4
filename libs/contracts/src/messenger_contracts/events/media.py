"""What media publishes. `subject` is the file; its `version` orders the events of one."""

from typing import ClassVar

from pydantic import Field

from messenger_contracts.envelope import EventData
from messenger_contracts.media import RejectReason


class MediaEvent(EventData):
    """What every event of a file tells."""

    media_id: str
    owner_id: str
    version: int = Field(description="Grows with every change of the file")


class MediaUploaded(MediaEvent):
    """All bytes of a file are there; nobody has looked at them yet."""

    TYPE: ClassVar[str] = "media.uploaded.v1"


class MediaReady(MediaEvent):
    """A file was verified, and its variants can be fetched."""

    TYPE: ClassVar[str] = "media.ready.v1"

    kind: str
    content_type: str
    size: int


class MediaRejected(MediaEvent):
    """A file was refused; its bytes are gone."""

    TYPE: ClassVar[str] = "media.rejected.v1"

    reason: RejectReason


class MediaCropRequested(MediaEvent):
    """The owner wants a part of a picture as one more variant."""

    TYPE: ClassVar[str] = "media.crop_requested.v1"

    name: str = Field(description="The variant's name")


class MediaDeleted(MediaEvent):
    """A file is hidden from everybody but its owner, who may restore it for a while."""

    TYPE: ClassVar[str] = "media.deleted.v1"

    erased: bool = Field(False, description="With its owner, who is forgotten everywhere: it will not come back")


class MediaRestored(MediaEvent):
    """A deleted file is there again."""

    TYPE: ClassVar[str] = "media.restored.v1"


class MediaPurged(MediaEvent):
    """A file is gone for good, with all of its variants."""

    TYPE: ClassVar[str] = "media.purged.v1"


class AlbumDeleted(EventData):
    """An album is gone; its files are not. `subject` is the album."""

    TYPE: ClassVar[str] = "media.album.deleted.v1"

    album_id: str
    owner_id: str


EVENTS: tuple[type[EventData], ...] = (
    MediaUploaded,
    MediaReady,
    MediaRejected,
    MediaCropRequested,
    MediaDeleted,
    MediaRestored,
    MediaPurged,
    AlbumDeleted,
)
