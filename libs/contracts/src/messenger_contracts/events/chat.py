"""What chat publishes. `subject` is the conversation; `seq` orders the events of one."""

from typing import ClassVar

from pydantic import Field

from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Message
from messenger_contracts.envelope import EventData


class ConversationEvent(EventData):
    """What every event of a conversation tells."""

    conversation_id: str
    seq: int
    actor: Actor


class MessageEvent(ConversationEvent):
    """What every event about a message tells that does not carry the message."""

    message_id: str
    message_seq: int


class MessageCreated(ConversationEvent):
    """A message is durable."""

    TYPE: ClassVar[str] = "chat.message.created.v1"

    message: Message
    recipients: list[str] = Field(
        description="Whom to tell: the members but the sender, without those who block the sender. "
        "In large groups, those alone whom the message mentions or answers."
    )
    muted: list[str] = Field([], description="Those of the recipients who have muted the conversation")

    @property
    def marks(self) -> dict[str, str]:
        """`files`: it carries some."""
        return {"files": "true"} if self.message.media else {}


class MessageEdited(ConversationEvent):
    """A message says something else, or has got its link previews."""

    TYPE: ClassVar[str] = "chat.message.edited.v1"

    message: Message


class MessageDeleted(MessageEvent):
    """A message was deleted for everybody: by its sender, an admin, or because its time was over."""

    TYPE: ClassVar[str] = "chat.message.deleted.v1"


class ReactionAdded(MessageEvent):
    """A person reacted to a message."""

    TYPE: ClassVar[str] = "chat.reaction.added.v1"

    author: str = Field(description="Who wrote the message")
    emoji: str


class ReactionRemoved(MessageEvent):
    """A person took a reaction back."""

    TYPE: ClassVar[str] = "chat.reaction.removed.v1"

    emoji: str


class MemberJoined(ConversationEvent):
    """A person is now in a conversation."""

    TYPE: ClassVar[str] = "chat.member.joined.v1"

    user_id: str
    role: str


class MemberLeft(ConversationEvent):
    """A person is no longer in a conversation."""

    TYPE: ClassVar[str] = "chat.member.left.v1"

    user_id: str


class MemberRole(ConversationEvent):
    """A member has another role."""

    TYPE: ClassVar[str] = "chat.member.role.v1"

    user_id: str
    role: str


class ConversationUpdated(ConversationEvent):
    """A conversation has another title, picture or rule, or was deleted."""

    TYPE: ClassVar[str] = "chat.conversation.updated.v1"

    title: str | None
    avatar: str | None
    avatar_by: str | None = Field(None, description="Who gave it its picture, and owns the file; null: the actor")
    deleted: bool = False


class PinAdded(MessageEvent):
    """A message was pinned."""

    TYPE: ClassVar[str] = "chat.pin.added.v1"


class PinRemoved(MessageEvent):
    """A message is no longer pinned."""

    TYPE: ClassVar[str] = "chat.pin.removed.v1"


EVENTS: tuple[type[EventData], ...] = (
    MessageCreated,
    MessageEdited,
    MessageDeleted,
    ReactionAdded,
    ReactionRemoved,
    MemberJoined,
    MemberLeft,
    MemberRole,
    ConversationUpdated,
    PinAdded,
    PinRemoved,
)
