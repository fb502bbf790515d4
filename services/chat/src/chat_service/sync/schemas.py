"""What the route of sync takes."""

from typing import Annotated

from fastapi import Query

from messenger_contracts.pagination import MAX_LIMIT

LONGEST_WAIT = 60

SinceQuery = Annotated[str | None, Query(max_length=8192, description="`next` of the last answer; it stays good")]
WaitQuery = Annotated[
    int, Query(alias="timeout", ge=0, le=LONGEST_WAIT, description="Seconds to wait while there is nothing new")
]
EventsQuery = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The most events of each conversation")]
