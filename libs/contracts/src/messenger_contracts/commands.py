"""What the gateway asks of chat on behalf of its sockets: many people's commands in one request.

The gateway signs such a request as itself, and names the actor of each command: docs/decisions/0002-group-commit.md.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from messenger_contracts.conversations import MAX_TEXT_BYTES, LogEvent, Skip
from messenger_contracts.media import Media
from messenger_contracts.problem import ErrorCode, FieldError
from messenger_contracts.shapes import Request, Shape, Timestamp
from messenger_contracts.texts import shows_something

UUID_PATTERN = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


def _storable(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return _storable_if_blank(text)


def _storable_if_blank(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain U+0000")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        raise ValueError(f"must be at most {MAX_TEXT_BYTES} bytes of UTF-8")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("must be valid Unicode, without lone surrogates") from error
    return text


def _seen(text: str) -> str:
    if not shows_something(text):
        raise ValueError("must be something that one sees")
    return text


def is_storable(text: str) -> bool:
    """Whether a text can be a message's."""
    try:
        _storable(text)
    except ValueError:
        return False
    return True


MessageText = Annotated[str, AfterValidator(_storable)]
DraftText = Annotated[str, AfterValidator(_storable_if_blank)]
ClientId = Annotated[str, Field(pattern=UUID_PATTERN, description="A UUID that the sender chose")]


MediaIds = Annotated[list[Annotated[str, Field(pattern=UUID_PATTERN)]], Field(max_length=20)]
UserId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$", description="A person's id")]
Mentions = Annotated[list[UserId], Field(max_length=100)]
MessageId = Annotated[str, Field(pattern=UUID_PATTERN, description="The server's id of a message")]
Emoji = Annotated[
    str,
    Field(
        min_length=1,
        max_length=32,
        pattern=r"^[^\s\x00-\x1f\x7f/]+$",
        description="An emoji, or a short name without spaces",
    ),
    AfterValidator(_seen),
]
MAX_LIFE_SECONDS = 365 * 24 * 3600


class MessageCreate(Request):
    """What a sender says. The same `client_id` with another body is `idempotency_mismatch`."""

    media_ids: MediaIds = []
    text: MessageText | None = Field(None, validate_default=True)
    reply_to: MessageId | None = None
    thread_root: MessageId | None = None
    mentions: Mentions = []
    send_at: Timestamp | None = Field(None, description="When to send it; it waits until then")
    expires_in: int | None = Field(None, ge=1, le=MAX_LIFE_SECONDS, description="Seconds after which it is deleted")

    @field_validator("text")
    @classmethod
    def _says_something(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None and not info.data.get("media_ids"):
            raise ValueError("is needed where there are no media")
        return text


class MessagePatch(Request):
    """What a message shall say instead."""

    text: MessageText
    mentions: Mentions | None = Field(None, description="Whom it mentions; null: the same as before")


class Actor(Shape):
    """The person on whose behalf a command runs."""

    user_id: str
    username: str


class SendCommand(Shape):
    """Append a message."""

    op: Literal["send"] = "send"
    actor: Actor
    conversation_id: str
    client_id: ClientId
    body: MessageCreate


class ReadCommand(Shape):
    """Move a read mark, or only the mark of what was received, forward."""

    op: Literal["read"] = "read"
    actor: Actor
    conversation_id: str
    seq: int
    delivered: bool = False
    private: bool = False


class EditCommand(Shape):
    """Say something else in a message."""

    op: Literal["edit"] = "edit"
    actor: Actor
    conversation_id: str
    message_id: str
    body: MessagePatch


class DeleteCommand(Shape):
    """Delete a message, for everybody or for the actor alone."""

    op: Literal["delete"] = "delete"
    actor: Actor
    conversation_id: str
    message_id: str
    everywhere: bool = True


class ReactCommand(Shape):
    """Give or take back a reaction."""

    op: Literal["react"] = "react"
    actor: Actor
    conversation_id: str
    message_id: str
    emoji: Emoji
    remove: bool = False


class PeersCommand(Shape):
    """Which of these people the actor may see the presence of."""

    op: Literal["peers"] = "peers"
    actor: Actor
    user_ids: list[str] = Field(max_length=100)


Command = Annotated[
    SendCommand | ReadCommand | EditCommand | DeleteCommand | ReactCommand | PeersCommand, Field(discriminator="op")
]


class CommandBatch(Shape):
    """Commands in the order of their arrival."""

    commands: list[Command] = Field(max_length=1000)


class Sent(Shape):
    """The acknowledgement of a send: the message is durable."""

    id: str
    seq: int
    msg_no: int
    created_at: Timestamp
    replayed: bool = Field(False, description="The message was already there: an earlier answer had been lost")
    media: list[Media] | None = Field(None, description="Its files, as the others see them; null where it has none")


class Scheduled(Shape):
    """The acknowledgement of a send that waits: it is durable, and has no place in the log yet."""

    client_id: str
    send_at: Timestamp
    created_at: Timestamp
    replayed: bool = False


class Read(Shape):
    """The marks after the command."""

    read_seq: int
    delivered_seq: int
    unread: int
    mentions: int


class Changed(Shape):
    """What a change left behind in the log."""

    seq: int | None = Field(description="The place of its event; null when there was nothing to change")


class Peers(Shape):
    """The people whose presence the actor may see."""

    user_ids: list[str]


class Failure(Shape):
    """Why one command of a batch failed. The others are not touched by it."""

    code: ErrorCode
    detail: str
    errors: list[FieldError] = []


class CommandResult(Shape):
    """Exactly one member is set."""

    sent: Sent | None = None
    scheduled: Scheduled | None = None
    read: Read | None = None
    changed: Changed | None = None
    peers: Peers | None = None
    error: Failure | None = None


class CommandResults(Shape):
    """One result a command, in the order of the commands."""

    results: list[CommandResult]


class Position(Shape):
    """Where a conversation's log stands, and from where on the member may read it."""

    epoch: str
    last_seq: int
    direct: bool = False
    visible_from: int = Field(1, description="Messages before it are not the member's to read")


class Readers(Shape):
    """For which members an event about a message is not what it is for the others, and what it is for them."""

    hidden: list[str] = Field([], description="Who deleted the message for themselves: the event is not for them")
    given: dict[str, list[str]] = Field({}, description="The kinds that the member gave; where the event tells `mine`")
    unseen: dict[str, dict[str, int]] = Field(
        {}, description="By kind, how many were given by people whom the member blocks"
    )
    files: bool = Field(
        False, description="The message carries files: whom a block keeps apart from its author does not see them"
    )


class LiveEvent(Shape):
    """An event as most members see it, with what tells who may see it, and who sees it otherwise.

    `messenger_contracts.realtime.is_visible` and `reactions_of` read that.
    """

    event: LogEvent | Skip
    author: str | None = Field(None, description="Who wrote the message that it is about")
    target: int | None = Field(None, description="The `seq` of the message that it is about")
    audience: str | None = Field(None, description="The one person whom it is for")
    readers: Readers | None = Field(None, description="Null: it is the same for all")


class Relations(Shape):
    """Whom a person blocks, and by whom the person is blocked."""

    blocked: list[str] = []
    blocked_by: list[str] = []


class RelationsRequest(Shape):
    """Whose relations a gateway asks about. `after` is the `version` of an earlier answer: only what changed since."""

    user_ids: list[str] = Field(max_length=10_000)
    after: int = Field(0, ge=0, lt=2**63)


class RelationsAnswer(Shape):
    """Relations by person; who has none, and had none, is not named."""

    relations: dict[str, Relations]
    version: int


class Positions(Shape):
    """The conversations that a person is in, by id."""

    conversations: dict[str, Position]


class PositionsRequest(Shape):
    """Which conversations a gateway asks about."""

    ids: list[str] = Field(max_length=10_000)


class JoinsRequest(Shape):
    """Whose new conversations a gateway asks about. `after` is the `version` of an earlier answer."""

    user_ids: list[str] = Field(max_length=10_000)
    after: int = Field(0, ge=0, lt=2**63, description="0: nothing is told but the version")


class JoinsAnswer(Shape):
    """By person, the conversations that the person came into since, and is in."""

    joined: dict[str, dict[str, Position]]
    version: int


class Resume(Shape):
    """Where a returning client stands: the last `seq` that it has of each conversation."""

    positions: dict[str, int]
    since: str | None = Field(None, description="A token of `/sync`, for conversations without a position")
    limit: int = Field(ge=1, description="The most events to answer with")


class Resumed(Shape):
    """Everything that a returning client missed, or nothing of it."""

    conversations: dict[str, Position]
    events: list[LogEvent | Skip] = Field(description="By conversation, oldest first, as the client may see them")
    complete: bool = Field(description="False: more was missed than the limit, or a position is not the log's")
    unknown: list[str] = Field(description="Conversations whose log does not reach the client's position")
    left: list[str] = Field(description="Conversations that the client names and is not in")
    relations: Relations = Relations()


class ResumeOf(Shape):
    """The return of one of many clients."""

    user_id: str
    resume: Resume


class ResumeBatch(Shape):
    """Clients who return at once."""

    resumes: list[ResumeOf] = Field(max_length=1000)


class ResumedFrames(Shape):
    """The answer to one of many `Resume`s: `Resumed`, with its events as the next `frames` lines of the answer."""

    conversations: dict[str, Position]
    complete: bool
    unknown: list[str]
    left: list[str]
    relations: Relations = Relations()
    frames: int = Field(0, description="How many lines of the answer are this client's events")
    later: bool = Field(False, description="Nothing is answered yet, for want of room: ask again")


class Missed(Shape):
    """Positions that a gateway wants to read on from."""

    after: dict[str, int] = Field(max_length=1000)
    limit: int = Field(500, ge=1, le=1000, description="The most events of each conversation")
    reader: str | None = Field(
        None, description="Whose eyes the events are for; null: the gateway looks to that itself"
    )


class MissedEvents(Shape):
    """By conversation, oldest first."""

    events: list[LiveEvent]
