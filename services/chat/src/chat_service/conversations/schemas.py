"""What the routes of conversations take."""

from typing import Literal

from pydantic import Field

from messenger_contracts.shapes import Request


class ConversationCreate(Request):
    """Who should talk with the caller. A direct conversation has one other member."""

    kind: Literal["direct"]
    member_ids: list[str] = Field(min_length=1, max_length=1)
