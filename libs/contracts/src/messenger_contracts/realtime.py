"""The socket's protocol `messenger.v1`: frames, close codes, and the channels on which our processes feed the sockets.

A frame is a JSON object; one or several come per WebSocket frame, joined by newlines.
"""

from collections.abc import Collection
from enum import IntEnum
from typing import Any, Literal, NamedTuple

from pydantic import Field

from messenger_contracts.commands import ClientId, MessageCreate, Relations
from messenger_contracts.conversations import LogEventType
from messenger_contracts.problem import ErrorCode
from messenger_contracts.shapes import Request, Shape

SUBPROTOCOL = "messenger.v1"
MAX_FRAME_BYTES = 64 * 1024
PING_SECONDS = 25
TYPING_SECONDS = 6


class CloseCode(IntEnum):
    """Why the server ended a socket, and so what the client should do."""

    DRAINING = 4000
    CREDENTIALS_EXPIRED = 4001
    SESSION_REVOKED = 4003
    TOO_SLOW = 4008
    POSITIONS_UNKNOWN = 4010
    TOO_MANY = 4029


class Hello(Request):
    """The first operation: where the client stands."""

    positions: dict[str, int] = {}
    since: str | None = None


class Send(MessageCreate):
    """`send`: a message, with the conversation and the sender's own UUID beside its body."""

    c: str
    client_id: ClientId

    def body(self) -> MessageCreate:
        """The part that is the message."""
        return MessageCreate.model_construct(text=self.text)


class ReadOp(Request):
    """`read`: everything up to `seq` was read."""

    c: str
    seq: int = Field(ge=0)


class TypingOp(Request):
    """`typing`: true while a person types; it expires by itself."""

    c: str
    typing: bool = True


class Ping(Request):
    """`ping`: any traffic keeps a socket alive; the answer carries the positions that moved."""


class Frame(Shape):
    """What a client sends: `id` is its own number, echoed by the reply."""

    id: int = Field(ge=0)
    op: Literal["hello", "send", "read", "typing", "ping"]
    d: dict[str, Any] = {}


class FrameError(Shape):
    """Why an operation failed."""

    code: ErrorCode
    retryable: bool
    detail: str


class Push(Shape):
    """What the server sends unasked."""

    op: Literal["event", "read", "typing", "notification", "drain"]
    d: dict[str, Any]


def conversation_channel(namespace: str, conversation_id: str) -> str:
    """The Valkey channel of a conversation's live events and pushes. Carries `servicekit.fanout.publication`."""
    return f"{namespace}:c:{conversation_id}"


def user_channel(namespace: str, user_id: str) -> str:
    """The Valkey channel of what concerns one person on all devices. Carries `Fanout` JSON."""
    return f"{namespace}:u:{user_id}"


def sessions_channel(namespace: str) -> str:
    """The Valkey channel on which auth announces ended sessions. Carries `SessionEnded` JSON."""
    return f"{namespace}:sessions"


def revoked_sessions_key(namespace: str) -> str:
    """The Valkey sorted set of ended sessions, scored by the second until which their tokens would still verify."""
    return f"{namespace}:revoked"


class Fanout(Shape):
    """One publication on a person's channel: pushes, conversations joined and left, relations where they changed."""

    pushes: list[dict[str, Any]] = []
    joined: list[str] = []
    left: list[str] = []
    relations: Relations | None = None


class Live(NamedTuple):
    """An event on its way to the sockets: its frame, and what tells who may see it.

    `author` wrote the message that it is about, and `target` is that message's `seq`: None where it is about none.
    `audience` is the one person whom it is for; None: all members. `end` is the last place that it stands for.
    """

    seq: int
    end: int
    by: str | None
    type: str
    author: str | None
    target: int | None
    audience: str | None
    frame: str


def is_visible(event: Live, reader: str, blocked: Collection[str], *, direct: bool, visible_from: int) -> bool:
    """Whether a member may see an event; whoever may not gets a skip in its place.

    In a group nobody sees what people whom he or she blocks say, nor their reactions; what else they do with others'
    messages (an admin deletes one) changes these for all. Of messages from before one's time one hears nothing.
    """
    if event.audience is not None:
        return event.audience == reader
    if event.target is None:
        return True
    reacts = event.type in (LogEventType.REACTION_ADDED, LogEventType.REACTION_REMOVED)
    hidden = event.author in blocked or (reacts and event.by in blocked)
    return event.target >= visible_from and (direct or not hidden)


class SessionEnded(Shape):
    """A session, or with `session_id` null all of a person's, has ended."""

    user_id: str
    session_id: str | None
    until: int = Field(description="Unix second after which every token of it has expired")
