"""Ranges of ids, shelves, and what a crop is called. Without I/O.

A file's id is a UUIDv7, which begins with the time of its making (RFC 9562, 5.7): sorted by id they are sorted by time,
and a range of times is a range of ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from media_service.files.models import Crop, File
from media_service.library.schemas import Sort
from messenger_contracts.media import MediaKind

FIRST, LAST = "0", "g"
"""Below and above every id: they are in hex."""
MOST_CROPS = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of a person's files are listed, and in which order."""

    owner_id: str
    tag: str | None = None
    kind: MediaKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: Sort = "newest"
    deleted: bool = False

    @property
    def lowest(self) -> str:
        """No listed id is below it."""
        return first_id_at(self.since) if self.since else FIRST

    @property
    def beyond(self) -> str:
        """Every listed id is below it."""
        return first_id_at(self.until) if self.until else LAST

    def takes(self, file: File) -> bool:
        """Whether a file that an index named is to be listed: indexes may be behind, and know one thing each."""
        return (
            file.owner_id == self.owner_id
            and file.status == "ready"
            and bool(file.deleted_at) == self.deleted
            and (self.kind is None or file.kind == self.kind)
            and (self.tag is None or self.tag in file.tags)
        )


def first_id_at(at: datetime) -> str:
    """Every id made at an instant or later is not below this; nor is any that was made earlier above it."""
    milliseconds = f"{max(int(at.timestamp() * 1000), 0):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:12]}"


def shelf_of(owner_id: str, *, deleted: bool = False) -> str:
    """The partition of the index `shelf` that lists a person's files, or those in the bin."""
    return f"{owner_id}#bin" if deleted else owner_id


def kind_shelf_of(owner_id: str, kind: str | None) -> str | None:
    """The partition of the index `kind`."""
    return f"{owner_id}#{kind}" if kind else None


def unique(tags: Sequence[str]) -> list[str]:
    """Tags without repetitions, in their order."""
    return list(dict.fromkeys(tags))


def crop_name(crop: Crop) -> str:
    """The name of a crop's variant: the same part has the same name."""
    return f"crop-{crop.x}-{crop.y}-{crop.width}x{crop.height}"


def fits(crop: Crop, file: File) -> bool:
    """Whether a crop lies in the picture."""
    return crop.x + crop.width <= (file.width or 0) and crop.y + crop.height <= (file.height or 0)
