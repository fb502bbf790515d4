"""What a row of the log looks like to a client, and to other services."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from messenger_contracts.commands import Actor
from messenger_contracts.conversations import LogEvent, LogEventType, Message
from messenger_contracts.envelope import Event, EventData, schema_uri
from messenger_contracts.events.chat import MemberJoined, MessageCreated

SOURCE = "chat"


class MessageColumns(Protocol):
    """A message's columns as every query names them."""

    message_id: UUID
    conversation_id: UUID
    client_id: UUID
    seq: int
    msg_no: int
    by: str
    text: str | None
    created_at: datetime


class LogColumns(MessageColumns, Protocol):
    """A log row's columns, with those of its message where it has one."""

    epoch: str
    type: str
    at: datetime
    by_name: str
    data: dict[str, Any] | None
    others: list[str]


def event_id(conversation_id: UUID, seq: int) -> str:
    """The id under which a log row is published: the same whenever it is published again."""
    return f"{SOURCE}:{conversation_id}:{seq}"


def to_message(row: MessageColumns) -> Message:
    """The message of a row."""
    return Message(
        id=str(row.message_id),
        conversation_id=str(row.conversation_id),
        client_id=str(row.client_id),
        seq=row.seq,
        msg_no=row.msg_no,
        by=row.by,
        text=row.text,
        created_at=row.created_at,
    )


def to_log_event(row: LogColumns) -> LogEvent:
    """The event as sockets, `/events` and sync carry it."""
    is_message = row.type == LogEventType.MESSAGE_CREATED
    return LogEvent(
        c=str(row.conversation_id),
        epoch=row.epoch,
        seq=row.seq,
        type=LogEventType(row.type),
        at=row.at,
        by=row.by,
        data=to_message(row).model_dump(mode="json") if is_message else row.data or {},
    )


def to_published(row: LogColumns) -> Event[Any]:
    """The event as other services read it from their queues."""
    data = _PUBLISHED[LogEventType(row.type)](row)
    return Event(
        id=event_id(row.conversation_id, row.seq),
        source=SOURCE,
        type=data.TYPE,
        time=row.at,
        subject=str(row.conversation_id),
        dataschema=schema_uri(data.TYPE),
        data=data,
    )


def _message_created(row: LogColumns) -> EventData:
    return MessageCreated(
        conversation_id=str(row.conversation_id),
        seq=row.seq,
        actor=Actor(user_id=row.by, username=row.by_name),
        message=to_message(row),
        recipients=row.others,
    )


def _member_joined(row: LogColumns) -> EventData:
    data = row.data or {}
    return MemberJoined(
        conversation_id=str(row.conversation_id),
        seq=row.seq,
        actor=Actor(user_id=row.by, username=row.by_name),
        user_id=data["user_id"],
        role=data["role"],
    )


_PUBLISHED = {LogEventType.MESSAGE_CREATED: _message_created, LogEventType.MEMBER_JOINED: _member_joined}
