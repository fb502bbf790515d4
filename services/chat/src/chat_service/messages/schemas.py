"""What the routes of messages take."""

from typing import Annotated, Literal

from fastapi import Query

SeqQuery = Annotated[int | None, Query(ge=0, le=2**53)]
DeleteForQuery = Annotated[
    Literal["everyone", "me"],
    Query(alias="for", description="Whether it shall be gone for all, or only for the caller"),
]
