"""What a person's inbox of notifications holds."""

from typing import Literal

from pydantic import Field

from messenger_contracts.shapes import Shape, Timestamp


class Subject(Shape):
    """What a notification is about: where a tap on it leads."""

    type: Literal["message"]
    id: str
    c: str | None = None
    seq: int | None = None


class Notification(Shape):
    """One row of the inbox."""

    id: str
    kind: Literal["message"]
    group_key: str = Field(description="Rows that a client may fold into one")
    title: str
    body: str
    actor: str | None = None
    subject: Subject
    read: bool
    created_at: Timestamp
