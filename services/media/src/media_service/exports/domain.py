"""Where in an export one is, what it tells of a file, and what the file is called there. No I/O."""

import re
from typing import Any, NamedTuple

from media_service.files.models import File
from media_service.grants.domain import album_of
from messenger_contracts.problem import FieldError
from servicekit.errors import ValidationFailed

KINDS = ("files", "albums", "usage", "originals")
"""One after another; the records come before the bytes, so that each kind's are together in the archive."""
_CURSOR = re.compile(r"([a-z]+):([0-9a-f-]{0,64})")
_TOLD = {
    "id",
    "filename",
    "content_type",
    "size",
    "sha256",
    "purpose",
    "status",
    "reason",
    "created_at",
    "uploaded_at",
    "deleted_at",
    "kind",
    "width",
    "height",
    "duration_ms",
    "taken_at",
    "tags",
    "caption",
    "crops",
}
_AWKWARD = re.compile(r'[:*?"<>|]')
"""What some systems do not take in a name. Slashes and control characters cannot be in one."""


class Place(NamedTuple):
    """Behind which id of which kind an export goes on."""

    kind: str = KINDS[0]
    after: str | None = None

    @property
    def cursor(self) -> str:
        """The place as auth gives it back. It is not signed: none but our own services may ask."""
        return f"{self.kind}:{self.after or ''}"

    @property
    def following(self) -> "Place | None":
        """The beginning of the next kind; None behind the last."""
        rest = KINDS[KINDS.index(self.kind) + 1 :]
        return Place(rest[0]) if rest else None


def parse_place(cursor: str | None) -> Place:
    """The place of a cursor; raises `ValidationFailed` for what is none."""
    if cursor is None:
        return Place()
    found = _CURSOR.fullmatch(cursor)
    if found is None or found[1] not in KINDS:
        wrong = FieldError(pointer="query/cursor", detail="is not one of this list's cursors")
        raise ValidationFailed(errors=[wrong])
    return Place(found[1], found[2] or None)


def told_of(file: File) -> dict[str, Any]:
    """What the copy says of a file; `file` is its name there, and its albums those that it is in."""
    albums = [album_of(place) for place, count in file.places.items() if count > 0]
    told = file.model_dump(mode="json", include=_TOLD, exclude_none=True)
    return told | {"albums": [each for each in albums if each]} | ({"file": archived(file)} if has_bytes(file) else {})


def has_bytes(file: File) -> bool:
    """Whether there is a file that was looked at and found to be what it should be. The bin counts."""
    return file.status == "ready"


def archived(file: File) -> str:
    """What a file is called in the archive: as its owner called it, and like no other."""
    name = _AWKWARD.sub("_", file.filename).strip(". ")
    return f"originals/{file.id}/{name or 'file'}"
