"""What social-graph publishes. `subject` is the person who acts; `version` orders that person's events."""

from typing import ClassVar

from pydantic import Field

from messenger_contracts.envelope import EventData


class UserBlocked(EventData):
    """A person blocks another."""

    TYPE: ClassVar[str] = "social_graph.user.blocked.v1"

    user_id: str
    blocked_id: str
    version: int = Field(description="Grows with every change between the two")


class UserUnblocked(EventData):
    """A person blocks another no longer."""

    TYPE: ClassVar[str] = "social_graph.user.unblocked.v1"

    user_id: str
    blocked_id: str
    version: int


EVENTS: tuple[type[EventData], ...] = (UserBlocked, UserUnblocked)
