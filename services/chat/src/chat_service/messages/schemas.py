"""What the routes of messages take."""

from typing import Annotated

from fastapi import Path, Query

from messenger_contracts.commands import UUID_PATTERN

OwnIdPath = Annotated[str, Path(pattern=UUID_PATTERN, description="A UUID that the sender chose")]
SeqQuery = Annotated[int | None, Query(ge=0)]
