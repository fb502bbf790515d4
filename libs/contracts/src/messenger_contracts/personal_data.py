"""What services tell auth about the data that they keep of one person: for its export, and for its erasure."""

from typing import Any

from pydantic import Field

from messenger_contracts.shapes import Shape

_NAME = r"[^/\\.\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*"


class PersonalRecord(Shape):
    """One thing that is kept of a person."""

    kind: str = Field(description="The file of the export that it stands in", examples=["messages"])
    data: dict[str, Any]


class PersonalFile(Shape):
    """A file that is kept of a person, which the export holds as it is."""

    name: str = Field(
        description="Where it lies in the service's part of the export; no folder's name begins with a dot",
        pattern=rf"^{_NAME}(/{_NAME})*$",
        examples=["originals/0198c0de/cat.png"],
    )
    url: str = Field(description="Where it can be fetched, for long enough to fetch all of a page")
    size: int = Field(description="Bytes")


class PersonalPage(Shape):
    """Some of what is kept of a person, and where it goes on. A service's records come before its files."""

    items: list[PersonalRecord]
    files: list[PersonalFile] = []
    next: str | None = None


class Remains(Shape):
    """What is left of a person, counted; where it is nothing, the erasure is done."""

    left: dict[str, int] = Field(description="By kind, without those of which nothing is left")
