"""The socket's protocol `messenger.v1`: frames, close codes, and the channels on which our processes feed the sockets.

A frame is a JSON object; one or several come per WebSocket frame, joined by newlines.
"""

from enum import IntEnum
from typing import Any, Literal

from pydantic import Field

from messenger_contracts.commands import ClientId, MessageCreate
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
    """The Valkey channel of a conversation's live events. Carries `Fanout` JSON."""
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
    """One publication on a channel: log events in the order of `seq`, other pushes, and conversations joined."""

    events: list[dict[str, Any]] = []
    pushes: list[dict[str, Any]] = []
    joined: list[str] = []


class SessionEnded(Shape):
    """A session, or with `session_id` null all of a person's, has ended."""

    user_id: str
    session_id: str | None
    until: int = Field(description="Unix second after which every token of it has expired")
