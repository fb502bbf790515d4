"""What chat publishes. `subject` is the conversation; `seq` orders the events of one."""

from typing import ClassVar

from pydantic import Field

from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Message
from messenger_contracts.envelope import EventData


class MessageCreated(EventData):
    """A message is durable."""

    TYPE: ClassVar[str] = "chat.message.created.v1"

    conversation_id: str
    seq: int
    actor: Actor
    message: Message
    recipients: list[str] = Field(description="The members to tell: all but the sender")


class MemberJoined(EventData):
    """A person is now in a conversation."""

    TYPE: ClassVar[str] = "chat.member.joined.v1"

    conversation_id: str
    seq: int
    actor: Actor
    user_id: str
    role: str


EVENTS: tuple[type[EventData], ...] = (MessageCreated, MemberJoined)
