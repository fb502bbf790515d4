"""What the routes of marks take."""

from pydantic import Field

from messenger_contracts.shapes import Request


class ReadUpdate(Request):
    """Everything up to `seq` was read."""

    seq: int = Field(ge=0, le=2**53)
    private: bool = Field(False, description="Do not let the others know")
