"""What the routes take and give beside `Notification` itself."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from messenger_contracts.shapes import Request, Shape

IdPath = Annotated[str, Path(max_length=64)]
UnreadQuery = Annotated[bool, Query(description="Only those that are not read")]


class NotificationPatch(Request):
    """What may be changed."""

    read: bool


class UnreadCount(Shape):
    """How much there is to read."""

    unread: int = Field(description="All that are neither read nor deleted")
