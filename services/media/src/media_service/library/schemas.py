"""What the routes of the library take and give beside `Media` itself."""

from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import Field, StringConstraints

from media_service.files.models import Caption
from messenger_contracts.media import MediaKind
from messenger_contracts.shapes import Request, Shape, Timestamp

MOST_TAGS = 20
MediaPath = Annotated[str, Path(max_length=64)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=64)]
Sort = Literal["newest", "oldest"]

TagQuery = Annotated[Tag | None, Query(description="Only those with this tag, whatever its case")]
KindQuery = Annotated[MediaKind | None, Query(description="Only those of this kind")]
FromQuery = Annotated[Timestamp | None, Query(alias="from", description="Only those uploaded then or later")]
ToQuery = Annotated[Timestamp | None, Query(description="Only those uploaded earlier")]
SortQuery = Annotated[Sort, Query(description="By the time of their upload")]
DeletedQuery = Annotated[bool, Query(description="Only those in the bin, instead of those that are not")]


class MediaPatch(Request):
    """What may be changed; what is absent stays."""

    tags: list[Tag] | None = Field(None, max_length=MOST_TAGS, description="All of them; case does not matter")
    caption: Caption | None = Field(None, description="For all who see the file; null takes it away")


class CropWish(Request):
    """A part of a picture, in pixels of the picture as it is shown."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class Usage(Shape):
    """How much of their space a person uses, in bytes. What is in the bin counts until it is purged."""

    used: int = Field(description="All that counts, `reserved` included")
    reserved: int = Field(description="The part of it that is on its way")
    limit: int
