"""The socket's protocol `messenger.v1`: frames, close codes, and the channels on which our processes feed the sockets.

A frame is a JSON object; one or several come per WebSocket frame, joined by newlines.
"""

from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from messenger_contracts.commands import ClientId, Emoji, MessageCreate, MessagePatch, Relations, UserId
from messenger_contracts.conversations import LogEventType
from messenger_contracts.media import hidden
from messenger_contracts.problem import ErrorCode
from messenger_contracts.shapes import Request, Shape, Timestamp

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

    positions: dict[str, Annotated[int, Field(ge=0, lt=2**63)]] = {}
    since: str | None = None


class Send(MessageCreate):
    """`send`: a message, with the conversation and the sender's own UUID beside its body."""

    c: str
    client_id: ClientId


class EditOp(MessagePatch):
    """`edit`: what a message shall say instead."""

    c: str
    id: str


class DeleteOp(Request):
    """`delete`: a message shall be gone, for everyone or for oneself."""

    c: str
    id: str
    whose: Literal["me", "everyone"] = Field("everyone", alias="for")


class ReactOp(Request):
    """`react` and `unreact`: give a reaction, or take it back."""

    c: str
    id: str
    emoji: Emoji


class ReadOp(Request):
    """`read`: everything up to `seq` was read, or only received; `private`: the others are not told."""

    c: str
    seq: int = Field(ge=0, lt=2**63)
    delivered: bool = False
    private: bool = False


PresenceState = Literal["online", "away", "offline"]


class PresenceOp(Request):
    """`presence`: say how one is, ask how others are, or both. Whoever says `offline` is online, and looks offline."""

    state: PresenceState | None = None
    of: list[UserId] = Field([], max_length=100)


class PresenceRead(Shape):
    """How a person is, and when the person last was seen."""

    state: PresenceState
    last_active: Timestamp | None = None


class TypingOp(Request):
    """`typing`: true while a person types; it expires by itself."""

    c: str
    typing: bool = True


class Ping(Request):
    """`ping`: any traffic keeps a socket alive; the answer carries the positions that moved."""


class Frame(Shape):
    """What a client sends: `id` is its own number, echoed by the reply."""

    id: int = Field(ge=0, strict=True)
    op: Literal["hello", "send", "edit", "delete", "react", "unreact", "read", "typing", "presence", "ping"]
    d: dict[str, Any] = {}


class FrameError(Shape):
    """Why an operation failed."""

    code: ErrorCode
    retryable: bool
    detail: str


class Push(Shape):
    """What the server sends unasked."""

    op: Literal["event", "read", "typing", "presence", "conversation", "media", "notification", "drain"]
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
    """One publication on a person's channel: pushes, conversations joined and left, relations where they changed.

    `joined` says of each conversation from which place on the person may read it.
    """

    pushes: list[dict[str, Any]] = []
    joined: dict[str, int] = {}
    left: list[str] = []
    relations: Relations | None = None


class Live(NamedTuple):
    """An event on its way to the sockets: its frame, and what tells who may see it.

    `author` wrote the message that it is about, and `target` is that message's `seq`: None where it is about none.
    `audience` is the one person whom it is for; None: all members. `end` is the last place that it stands for.
    `readers` is `Readers` JSON, where the frame is not what all members see.
    """

    seq: int
    end: int
    by: str | None
    type: str
    author: str | None
    target: int | None
    audience: str | None
    frame: str
    readers: Mapping[str, Any] | None = None


def is_visible(event: Live, reader: str, blocked: Collection[str], *, direct: bool, visible_from: int) -> bool:
    """Whether a member may see an event; whoever may not gets a skip in its place.

    In a group nobody sees what people whom he or she blocks say, nor their reactions; what else they do with others'
    messages (an admin deletes one) changes these for all. Of messages from before one's time, and of those that one
    deleted for oneself, one hears nothing.
    """
    if event.audience is not None:
        return event.audience == reader
    if event.target is None:
        return True
    if event.readers is not None and reader in event.readers["hidden"]:
        return False
    reacts = event.type in (LogEventType.REACTION_ADDED, LogEventType.REACTION_REMOVED)
    hidden = event.author in blocked or (reacts and event.by in blocked)
    return event.target >= visible_from and (direct or not hidden)


def reactions_of(data: Mapping[str, Any], readers: Mapping[str, Any], reader: str) -> dict[str, Any] | None:
    """What an event's data says of reactions, as one member sees them; None: what it says to all.

    It takes the place of the same members of `data`: of `count` in an event about one reaction, of a message's
    `reactions`, where a kind that nobody gave whom the reader sees is left out.
    """
    given, unseen = readers["given"].get(reader, ()), readers["unseen"].get(reader, {})
    if not given and not unseen:
        return None
    if "emoji" in data:
        return {"count": data["count"] - unseen.get(data["emoji"], 0)}
    counts = {emoji: told["count"] - unseen.get(emoji, 0) for emoji, told in data["reactions"].items()}
    return {"reactions": {emoji: {"count": n, "mine": emoji in given} for emoji, n in counts.items() if n > 0}}


def files_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an event's data says of files to whom a block keeps apart from their owner; see `reactions_of`."""
    return {"media": [hidden(each["id"]).model_dump(mode="json") for each in data["media"]]}


class SessionEnded(Shape):
    """A session, or with `session_id` null all of a person's, has ended."""

    user_id: str
    session_id: str | None
    until: int = Field(description="Unix second after which every token of it has expired")
