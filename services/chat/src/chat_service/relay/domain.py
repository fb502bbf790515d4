"""What a row of the log looks like to other services."""

from typing import Any, Protocol
from uuid import UUID

from chat_service.log.domain import LogColumns, to_message
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import LogEventType
from messenger_contracts.envelope import Event, EventData, schema_uri
from messenger_contracts.events.chat import (
    ConversationUpdated,
    MemberJoined,
    MemberLeft,
    MemberRole,
    MessageCreated,
    MessageDeleted,
    MessageEdited,
    PinAdded,
    PinRemoved,
    ReactionAdded,
    ReactionRemoved,
)

SOURCE = "chat"


class PublishedColumns(LogColumns, Protocol):
    """A log row's columns, with what only the relay reads."""

    by_name: str
    recipients: list[str] | None
    muted: list[str] | None


def event_id(conversation_id: UUID, seq: int) -> str:
    """The id under which a log row is published: the same whenever it is published again."""
    return f"{SOURCE}:{conversation_id}:{seq}"


def to_published(row: PublishedColumns) -> Event[Any]:
    """The event as other services read it from their queues."""
    data_class, members = _PUBLISHED[LogEventType(row.type)]
    data: EventData = data_class.model_validate(
        {
            "conversation_id": str(row.conversation_id),
            "seq": row.seq,
            "actor": Actor(user_id=row.by, username=row.by_name),
            **members(row),
        }
    )
    return Event(
        id=event_id(row.conversation_id, row.seq),
        source=SOURCE,
        type=data.TYPE,
        time=row.at,
        subject=str(row.conversation_id),
        dataschema=schema_uri(data.TYPE),
        data=data,
    )


def _created(row: PublishedColumns) -> dict[str, Any]:
    return {"message": to_message(row), "recipients": row.recipients, "muted": row.muted}


def _message(row: PublishedColumns) -> dict[str, Any]:
    return {"message": to_message(row)}


def _reference(row: PublishedColumns) -> dict[str, Any]:
    return {"message_id": str(row.message_id), "message_seq": row.message_seq, **(row.data or {})}


def _reaction(row: PublishedColumns) -> dict[str, Any]:
    return {**_reference(row), "author": row.author}


def _stored(row: PublishedColumns) -> dict[str, Any]:
    return row.data or {}


_PUBLISHED: dict[LogEventType, tuple[type[EventData], Any]] = {
    LogEventType.MESSAGE_CREATED: (MessageCreated, _created),
    LogEventType.MESSAGE_EDITED: (MessageEdited, _message),
    LogEventType.MESSAGE_DELETED: (MessageDeleted, _reference),
    LogEventType.REACTION_ADDED: (ReactionAdded, _reaction),
    LogEventType.REACTION_REMOVED: (ReactionRemoved, _reference),
    LogEventType.MEMBER_JOINED: (MemberJoined, _stored),
    LogEventType.MEMBER_LEFT: (MemberLeft, _stored),
    LogEventType.MEMBER_ROLE: (MemberRole, _stored),
    LogEventType.CONVERSATION_UPDATED: (ConversationUpdated, _stored),
    LogEventType.PIN_ADDED: (PinAdded, _reference),
    LogEventType.PIN_REMOVED: (PinRemoved, _reference),
}
