"""What the export routes give."""

from pydantic import Field

from auth_service.exports.models import State
from messenger_contracts.shapes import Shape, Timestamp


class ExportRequested(Shape):
    """The wish is noted."""

    job: str


class ExportRead(Shape):
    """How far a copy is, and where it is."""

    job: str
    state: State
    requested_at: Timestamp
    ready_at: Timestamp | None
    expires_at: Timestamp | None = Field(description="Until when it can be fetched: seven days")
    size: int | None = Field(description="Bytes")
    url: str | None = Field(
        description="The archive, for five minutes; only for who has signed in within the last ten: sign in, ask again"
    )
