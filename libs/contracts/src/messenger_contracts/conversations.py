"""Conversations, messages and the log, as history, sockets and events all show them.

A conversation is a log: every durable change in it is one event with the next ``seq``, dense and gapless.
``msg_no`` counts messages only. See docs/decisions/0001-one-log.md.
"""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from messenger_contracts.shapes import Shape, Timestamp

MAX_TEXT_BYTES = 16 * 1024


class LogEventType(StrEnum):
    """What can happen in a conversation."""

    MESSAGE_CREATED = "message.created"
    MEMBER_JOINED = "member.joined"


class Reaction(Shape):
    """How often one kind of reaction was given, and whether the caller gave it."""

    count: int
    mine: bool


class Message(Shape):
    """One message. `client_id` is the sender's UUID, `id` the server's."""

    id: str
    conversation_id: str
    client_id: str
    seq: int
    msg_no: int
    by: str
    text: str | None
    media: list[dict[str, Any]] = []
    reply_to: str | None = None
    thread_root: str | None = None
    thread_count: int = 0
    mentions: list[str] = []
    reactions: dict[str, Reaction] = {}
    created_at: Timestamp
    edited_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    expires_at: Timestamp | None = None


class LogEvent(Shape):
    """One row of the log, as `/events`, sockets and sync carry it."""

    c: str = Field(description="The conversation")
    epoch: str = Field(description="Changes when the log was restored from a backup: older positions are void")
    seq: int
    type: LogEventType
    at: Timestamp
    by: str
    data: dict[str, Any] = Field(description="The Message, or what changed")


class EventPage(Shape):
    """A stretch of the log, oldest first. An empty one means that the caller is up to date."""

    items: list[LogEvent]
    epoch: str
    last_seq: int


class Conversation(Shape):
    """A conversation as one member sees it."""

    id: str
    kind: Literal["direct", "group"]
    title: str | None = None
    avatar: str | None = None
    created_at: Timestamp
    epoch: str
    last_seq: int
    last_msg_no: int
    last_message: Message | None
    read_seq: int
    unread: int
    mentions: int = 0
    muted_until: Timestamp | None = None
    pinned: bool = False
    role: Literal["owner", "admin", "member"]
    member_count: int
    peer: str | None = Field(None, description="The other person of a direct conversation")


class ReadMark(Shape):
    """How far a member has read, and what is left."""

    conversation_id: str
    user_id: str
    read_seq: int
    last_seq: int
    unread: int
