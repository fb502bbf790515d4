"""Conversations, messages and the log, as history, sockets and events all show them.

A conversation is a log: every durable change in it is one event with the next ``seq``, dense and gapless.
``msg_no`` counts messages only. See docs/decisions/0001-one-log.md.
"""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from messenger_contracts.media import Media
from messenger_contracts.shapes import Shape, Timestamp

MAX_TEXT_BYTES = 16 * 1024
MAX_MEMBERS = 10_000

Role = Literal["owner", "admin", "member"]
History = Literal["joined", "shared"]
"""What of the history a person who joins a group may read: what follows the joining, or all of it."""


class LogEventType(StrEnum):
    """What can happen in a conversation."""

    MESSAGE_CREATED = "message.created"
    MESSAGE_EDITED = "message.edited"
    MESSAGE_DELETED = "message.deleted"
    REACTION_ADDED = "reaction.added"
    REACTION_REMOVED = "reaction.removed"
    MEMBER_JOINED = "member.joined"
    MEMBER_LEFT = "member.left"
    MEMBER_ROLE = "member.role"
    CONVERSATION_UPDATED = "conversation.updated"
    PIN_ADDED = "pin.added"
    PIN_REMOVED = "pin.removed"


class Reaction(Shape):
    """How often one kind of reaction was given, and whether the caller gave it."""

    count: int
    mine: bool


class Reactor(Shape):
    """Who gave a reaction, and when."""

    user_id: str
    emoji: str
    at: Timestamp


class LinkPreview(Shape):
    """What a page that a message links to says of itself."""

    url: str
    title: str
    description: str | None = None
    site_name: str | None = None
    image: str | None = None


class Message(Shape):
    """One message as it is now. `client_id` is the sender's UUID, `id` the server's; a deleted one has no content."""

    id: str
    conversation_id: str
    client_id: str
    seq: int
    msg_no: int
    by: str
    text: str | None
    media: list[Media] = []
    reply_to: str | None = Field(None, description="The id of the message that it answers")
    thread_root: str | None = Field(None, description="The id of the message whose thread it belongs to")
    thread_count: int = Field(0, description="Messages in the thread that begins here, whoever wrote them")
    mentions: list[str] = []
    reactions: dict[str, Reaction] = {}
    previews: list[LinkPreview] = []
    created_at: Timestamp
    edited_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    expires_at: Timestamp | None = None


class MessageEdit(Shape):
    """What a message said before an edit."""

    version: int
    text: str | None
    mentions: list[str]
    until: Timestamp = Field(description="When it was edited away")


class ScheduledMessage(Shape):
    """A message that waits for its time. It has no place in the log yet."""

    conversation_id: str
    client_id: str
    text: str | None
    media_ids: list[str]
    reply_to: str | None
    thread_root: str | None
    mentions: list[str]
    expires_in: int | None
    send_at: Timestamp
    created_at: Timestamp
    failed: str | None = Field(None, description="Why it could not be sent when its time came")


class LogEvent(Shape):
    """One row of the log, as `/events`, sockets and sync carry it."""

    c: str = Field(description="The conversation")
    epoch: str = Field(description="Changes when the log was restored from a backup: older positions are void")
    seq: int
    type: LogEventType
    at: Timestamp
    by: str
    data: dict[str, Any] = Field(description="The Message, or what changed; always as it is now, not as it was then")


class Skip(Shape):
    """Rows of the log, from `seq` to `to`, that the reader may not see. The log stays dense for everybody."""

    c: str
    epoch: str
    seq: int
    to: int
    type: Literal["skip"] = "skip"


class EventPage(Shape):
    """A stretch of the log, oldest first. An empty one means that the caller is up to date."""

    items: list[LogEvent | Skip]
    epoch: str
    last_seq: int


class Draft(Shape):
    """What a person has begun to write, on whichever device."""

    text: str
    reply_to: str | None = None
    updated_at: Timestamp


class Conversation(Shape):
    """A conversation as one member sees it."""

    id: str
    kind: Literal["direct", "group"]
    title: str | None = None
    avatar: str | None = Field(None, description="The media id of its picture")
    history: History = "joined"
    created_at: Timestamp
    epoch: str
    last_seq: int
    last_msg_no: int
    last_message: Message | None
    read_seq: int
    unread: int
    mentions: int = Field(0, description="Unread messages that mention the caller")
    marked_unread: bool = False
    muted_until: Timestamp | None = None
    pinned: bool = False
    archived: bool = False
    draft: Draft | None = None
    role: Role
    member_count: int
    peer: str | None = Field(None, description="The other person of a direct conversation")


class Member(Shape):
    """A person in a conversation."""

    user_id: str
    username: str
    role: Role
    joined_at: Timestamp


class Invite(Shape):
    """A code by which people join a group by themselves."""

    code: str
    conversation_id: str
    created_by: str
    created_at: Timestamp
    expires_at: Timestamp | None
    max_uses: int | None
    uses: int


class ReadMark(Shape):
    """How far a member has read, and what is left."""

    conversation_id: str
    user_id: str
    read_seq: int
    delivered_seq: int
    last_seq: int
    unread: int
    mentions: int


class Receipt(Shape):
    """How far another member shows to have read and received."""

    user_id: str
    read_seq: int
    delivered_seq: int


class Kept(Shape):
    """What a member keeps of the conversation `c`. The member's devices are pushed it whenever it changes."""

    c: str
    read_seq: int
    unread: int
    mentions: int
    marked_unread: bool
    muted_until: Timestamp | None
    pinned: bool
    archived: bool
    draft: Draft | None


class SyncedConversation(Shape):
    """What happened in a conversation since the caller's last sync, and where the caller stands."""

    events: list[LogEvent | Skip] = Field(description="The newest, oldest first")
    limited: bool = Field(description="More happened: read `/events` from the caller's position up to `prev_seq`")
    prev_seq: int = Field(description="The position before the first of `events`")
    visible_from: int = Field(
        1,
        description="The first place that is the caller's to read. "
        "When it is not what it was, forget what is kept of the conversation: the caller's position is before it",
    )
    reset: bool = Field(
        False,
        description="What the caller may see of older places is not what it was (the caller joined, blocked or "
        "unblocked a member): forget what is kept of the conversation, the caller's position is 0",
    )
    last_seq: int
    epoch: str
    read_seq: int
    unread: int
    mentions: int
    marked_unread: bool
    muted_until: Timestamp | None
    pinned: bool
    archived: bool
    draft: Draft | None


class Sync(Shape):
    """Everything that the caller missed; never a part that looks whole."""

    next: str = Field(description="Send it as `since` the next time")
    conversations: dict[str, SyncedConversation]
    left: list[str] = Field(description="Conversations that the caller is no longer in")
    more: bool = Field(False, description="There is more at once: ask again without waiting")


class FoundMessage(Shape):
    """A message that a search found, and where the words stand in it."""

    message: Message
    excerpt: str = Field(description="Plain text around the words, which stand between « and »")


ReportReason = Literal["spam", "harassment", "hate", "violence", "sexual", "self_harm", "illegal", "other"]
ReportStatus = Literal["open", "resolved", "dismissed"]


class Report(Shape):
    """A message that somebody brought before the moderators."""

    id: str
    conversation_id: str
    message_id: str
    message: Message | None = Field(description="As it is now; null when it has been purged")
    reported_text: str | None = Field(description="What it said when it was reported; null when it has been purged")
    author: str
    reporter: str
    reason: ReportReason
    detail: str | None
    status: ReportStatus
    created_at: Timestamp
    closed_at: Timestamp | None
    closed_by: str | None = Field(description="The moderator; null for who reported it")
    note: str | None = Field(description="The moderator's; null for who reported it")
