"""What the gateway asks of chat on behalf of its sockets: many people's commands in one request.

The gateway signs such a request as itself, and names the actor of each command: docs/decisions/0002-group-commit.md.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from messenger_contracts.conversations import MAX_TEXT_BYTES, LogEvent
from messenger_contracts.problem import ErrorCode, FieldError
from messenger_contracts.shapes import Request, Shape, Timestamp

UUID_PATTERN = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain U+0000")
    if not text.strip():
        raise ValueError("must not be blank")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        raise ValueError(f"must be at most {MAX_TEXT_BYTES} bytes of UTF-8")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("must be valid Unicode, without lone surrogates") from error
    return text


MessageText = Annotated[str, AfterValidator(_storable)]
ClientId = Annotated[str, Field(pattern=UUID_PATTERN, description="A UUID that the sender chose")]


class MessageCreate(Request):
    """What a sender says. The same `client_id` with another body is `idempotency_mismatch`."""

    text: MessageText


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
    """Move a read mark forward."""

    op: Literal["read"] = "read"
    actor: Actor
    conversation_id: str
    seq: int


Command = Annotated[SendCommand | ReadCommand, Field(discriminator="op")]


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


class Read(Shape):
    """The read mark after the command."""

    read_seq: int
    unread: int


class Failure(Shape):
    """Why one command of a batch failed. The others are not touched by it."""

    code: ErrorCode
    detail: str
    errors: list[FieldError] = []


class CommandResult(Shape):
    """Exactly one member is set."""

    sent: Sent | None = None
    read: Read | None = None
    error: Failure | None = None


class CommandResults(Shape):
    """One result a command, in the order of the commands."""

    results: list[CommandResult]


class Position(Shape):
    """Where a conversation's log stands, and where the member may start to read."""

    epoch: str
    last_seq: int


class Positions(Shape):
    """The conversations that a person is in, by id."""

    conversations: dict[str, Position]


class PositionsRequest(Shape):
    """Which conversations a gateway asks about."""

    ids: list[str] = Field(max_length=10_000)


class Resume(Shape):
    """Where a returning client stands: the last `seq` that it has of each conversation."""

    positions: dict[str, int]
    limit: int = Field(ge=1, description="The most events to answer with")


class Resumed(Shape):
    """Everything that a returning client missed, or nothing of it."""

    conversations: dict[str, Position]
    events: list[LogEvent] = Field(description="By conversation, oldest first")
    complete: bool = Field(description="False: more was missed than the limit, or a position is not the log's")
    unknown: list[str] = Field(description="Conversations whose log does not reach the client's position")
    left: list[str] = Field(description="Conversations that the client names and is not in")


class Missed(Shape):
    """Positions that a gateway wants to read on from."""

    after: dict[str, int] = Field(max_length=1000)
    limit: int = Field(500, ge=1, le=1000, description="The most events of each conversation")


class MissedEvents(Shape):
    """By conversation, oldest first."""

    events: list[LogEvent]
