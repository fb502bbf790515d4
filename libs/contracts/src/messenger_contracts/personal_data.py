"""What services tell auth about the data that they keep of one person: for its export, and for its erasure."""

from typing import Any

from pydantic import Field

from messenger_contracts.shapes import Shape


class PersonalRecord(Shape):
    """One thing that is kept of a person."""

    kind: str = Field(description="The file of the export that it stands in", examples=["messages"])
    data: dict[str, Any]


class PersonalPage(Shape):
    """Some of what is kept of a person, and where it goes on."""

    items: list[PersonalRecord]
    next: str | None = None


class Remains(Shape):
    """What is left of a person, counted; where it is nothing, the erasure is done."""

    left: dict[str, int] = Field(description="By kind, without those of which nothing is left")
