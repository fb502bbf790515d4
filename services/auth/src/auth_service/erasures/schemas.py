"""What the erasure routes give."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field

from messenger_contracts.shapes import Shape, Timestamp

Receipt = Annotated[
    str,
    Path(min_length=1, max_length=2048, pattern=r"^[A-Za-z0-9._-]+$", description="What the request was answered with"),
]


class ErasureRequested(Shape):
    """The wish is noted, and will come true."""

    receipt: str = Field(
        description="Signed by us (PASETO v4.public): proves the request, and shows what became of it for 60 days"
    )


class ErasureRead(Shape):
    """What became of an erasure."""

    state: Literal["running", "done"]
    requested_at: Timestamp
    completed_at: Timestamp | None
    services: dict[str, Literal["asked", "erasing", "no_answer", "done"]] = Field(
        description="How far each service is that keeps data of people"
    )
