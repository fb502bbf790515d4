"""What the routes of marks take."""

from pydantic import Field

from messenger_contracts.commands import DraftText, MessageId
from messenger_contracts.shapes import Request, Timestamp


class ReadUpdate(Request):
    """Everything up to `seq` was read."""

    seq: int = Field(ge=0, le=2**53)
    private: bool = Field(False, description="Do not let the others know")


class DeliveredUpdate(Request):
    """Everything up to `seq` has come to one of the caller's devices."""

    seq: int = Field(ge=0, le=2**53)


class DraftUpdate(Request):
    """What has been written so far. It may be nothing yet but the message that it will answer."""

    text: DraftText
    reply_to: MessageId | None = None


class MuteUpdate(Request):
    """Until when nothing of the conversation shall notify; null: it shall again."""

    until: Timestamp | None
