"""What the routes of messages take."""

from typing import Annotated

from fastapi import Query

SeqQuery = Annotated[int | None, Query(ge=0, le=2**53)]
