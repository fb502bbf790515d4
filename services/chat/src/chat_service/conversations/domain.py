"""What a row of conversations looks like to a member, and who may write into one."""

from collections.abc import Collection
from typing import Any, cast
from uuid import UUID

from chat_service.conversations.errors import Blocking, ClosedInbox, NotMember
from chat_service.log.domain import MessageColumns, to_message
from messenger_contracts.conversations import Conversation, Draft


def parse_id(conversation_id: str) -> UUID:
    """The id of a conversation. What is no id at all is one that the caller is not in."""
    try:
        return UUID(conversation_id)
    except ValueError as error:
        raise NotMember from error


def direct_key(one: str, other: str) -> str:
    """The same for both people of a direct conversation."""
    return "\n".join(sorted((one, other)))


def require_open(closed_by: Collection[str], user_id: str) -> None:
    """Refuse to write where one of the two blocks the other: raises `Blocking` or `ClosedInbox`."""
    if user_id in closed_by:
        raise Blocking
    if closed_by:
        raise ClosedInbox


def to_draft(stored: dict[str, Any] | None) -> Draft | None:
    """The draft that a member keeps."""
    return Draft.model_validate(stored) if stored else None


def to_conversation(row: Any) -> Conversation:
    """The conversation of a row of `ConversationRepository`."""
    return Conversation(
        id=str(row.conversation_id),
        kind=row.kind,
        title=row.title,
        avatar=row.avatar,
        history=row.history,
        created_at=row.started_at,
        epoch=row.epoch,
        last_seq=row.last_seq,
        last_msg_no=row.last_msg_no,
        last_message=to_message(cast("MessageColumns", row)) if row.message_id else None,
        read_seq=row.read_seq,
        unread=row.unread,
        mentions=row.mention_count,
        marked_unread=row.marked_unread,
        muted_until=row.muted_until,
        pinned=row.pinned,
        archived=row.archived,
        draft=to_draft(row.draft),
        role=row.role,
        member_count=row.member_count,
        peer=row.peer,
    )
