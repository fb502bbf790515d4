"""What a row of the log looks like to a client, and what of it a reader may not see."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

from messenger_contracts.commands import LiveEvent, Readers
from messenger_contracts.conversations import LogEvent, LogEventType, Message, Skip

SYSTEM = "system"
"""Who acts when nobody does: a message's time is over."""


class MessageColumns(Protocol):
    """A message's columns, as `chat_service.models.MESSAGE_COLUMNS` names them."""

    message_conversation: UUID
    message_id: UUID
    message_seq: int
    client_id: UUID
    msg_no: int
    author: str
    text: str | None
    reply_to: UUID | None
    thread_root: UUID | None
    thread_count: int
    mentions: list[str] | None
    media: list[dict[str, Any]] | None
    previews: list[dict[str, Any]] | None
    reactions: dict[str, Any] | None
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    expires_at: datetime | None


class LogColumns(MessageColumns, Protocol):
    """A log row's columns, with those of the message that it is about where there is one."""

    conversation_id: UUID
    epoch: str
    seq: int
    type: str
    at: datetime
    by: str
    data: dict[str, Any] | None
    audience: str | None


class RawColumns(LogColumns, Protocol):
    """A log row's columns as nobody in particular sees it, with those of `chat_service.models.READERS`."""

    hidden_from: list[str] | None
    given: dict[str, list[str]] | None
    unseen: dict[str, dict[str, int]] | None


class ReaderColumns(LogColumns, Protocol):
    """A log row's columns, and whether the reader may not see it."""

    hidden: bool


def to_message(row: MessageColumns) -> Message:
    """The message of a row; of its files it has the ids, until `FileService` describes them to a reader."""
    return Message.model_validate(
        {
            "id": str(row.message_id),
            "conversation_id": str(row.message_conversation),
            "client_id": str(row.client_id),
            "seq": row.message_seq,
            "msg_no": row.msg_no,
            "by": row.author,
            "text": row.text,
            "media": [{"id": each["id"], "status": "unknown"} for each in row.media or ()],
            "reply_to": row.reply_to and str(row.reply_to),
            "thread_root": row.thread_root and str(row.thread_root),
            "thread_count": row.thread_count,
            "mentions": row.mentions or [],
            "reactions": row.reactions or {},
            "previews": row.previews or [],
            "created_at": row.created_at,
            "edited_at": row.edited_at,
            "deleted_at": row.deleted_at,
            "expires_at": row.expires_at,
        }
    )


def to_log_event(row: LogColumns) -> LogEvent:
    """The event as sockets, `/events` and sync carry it."""
    return LogEvent(
        c=str(row.conversation_id),
        epoch=row.epoch,
        seq=row.seq,
        type=LogEventType(row.type),
        at=row.at,
        by=row.by,
        data=_DATA.get(LogEventType(row.type), _stored)(row),
    )


def _stored(row: LogColumns) -> dict[str, Any]:
    return row.data or {}


def _message(row: LogColumns) -> dict[str, Any]:
    return to_message(row).model_dump(mode="json")


def _reference(row: LogColumns) -> dict[str, Any]:
    return {"message_id": str(row.message_id), "message_seq": row.message_seq, **(row.data or {})}


def _deletion(row: LogColumns) -> dict[str, Any]:
    """`everywhere` is false when the event's reader alone deleted it: then it is not a tombstone, but not there.

    What the message said is not told again to who deleted it. `reason` says why the system did, if that did.
    """
    shown = to_message(row)
    if row.audience is not None:
        shown = shown.model_copy(update={"text": None, "media": [], "mentions": [], "reactions": {}, "previews": []})
    reason = (row.data or {}).get("reason")
    return {**shown.model_dump(mode="json"), "everywhere": row.audience is None, "reason": reason}


def _reaction(row: LogColumns) -> dict[str, Any]:
    """How many gave this reaction is told as it is now: a reader who sets it, rather than counts, is always right."""
    data = _reference(row)
    count = (row.reactions or {}).get(data["emoji"], {}).get("count", 0)
    return {**data, "user_id": row.by, "count": count}


_DATA = {
    LogEventType.MESSAGE_CREATED: _message,
    LogEventType.MESSAGE_EDITED: _message,
    LogEventType.MESSAGE_DELETED: _deletion,
    LogEventType.REACTION_ADDED: _reaction,
    LogEventType.REACTION_REMOVED: _reaction,
    LogEventType.PIN_ADDED: _reference,
    LogEventType.PIN_REMOVED: _reference,
}


_CARRY_FILES = (LogEventType.MESSAGE_CREATED, LogEventType.MESSAGE_EDITED)


def to_live_event(row: RawColumns) -> LiveEvent:
    """The event with what tells who may see it, and who sees it otherwise."""
    about_message = row.message_id is not None
    return LiveEvent(
        event=to_log_event(row),
        author=row.author if about_message else None,
        target=row.message_seq if about_message else None,
        audience=row.audience,
        readers=_readers(row),
    )


def _readers(row: RawColumns) -> Readers | None:
    files = bool(row.media) and LogEventType(row.type) in _CARRY_FILES
    if not (row.hidden_from or row.given or row.unseen or files):
        return None
    return Readers(hidden=row.hidden_from or [], given=row.given or {}, unseen=row.unseen or {}, files=files)


def to_reader(rows: Iterable[ReaderColumns], after: Mapping[UUID, int]) -> list[LogEvent | Skip]:
    """What a reader gets to see of rows in the order of conversation and `seq`: no place is left out.

    `after` are the reader's positions. Rows that the reader may not see, and the places before the first row that the
    query left out because they were before the reader's time, come as skips.
    """
    events: list[LogEvent | Skip] = []
    for conversation_id, stretch in groupby(rows, key=lambda row: row.conversation_id):
        events += _stretch(list(stretch), after[conversation_id])
    return events


def _stretch(rows: Sequence[ReaderColumns], after: int) -> Iterable[LogEvent | Skip]:
    first = rows[0]
    begin = after + 1
    for row in rows:
        if row.hidden:
            continue
        if begin < row.seq:
            yield _skip(first, begin, row.seq - 1)
        yield to_log_event(row)
        begin = row.seq + 1
    if begin <= rows[-1].seq:
        yield _skip(first, begin, rows[-1].seq)


def _skip(row: LogColumns, begin: int, end: int) -> Skip:
    return Skip(c=str(row.conversation_id), epoch=row.epoch, seq=begin, to=end)
