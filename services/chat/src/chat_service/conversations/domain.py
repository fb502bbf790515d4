"""What a row of conversations looks like to a member."""

from typing import Any, cast
from uuid import UUID

from chat_service.conversations.errors import NotMember
from chat_service.log.domain import MessageColumns, to_message
from messenger_contracts.conversations import Conversation


def parse_id(conversation_id: str) -> UUID:
    """The id of a conversation. What is no id at all is one that the caller is not in."""
    try:
        return UUID(conversation_id)
    except ValueError as error:
        raise NotMember from error


def direct_key(one: str, other: str) -> str:
    """The same for both people of a direct conversation."""
    return "\n".join(sorted((one, other)))


def to_conversation(row: Any) -> Conversation:
    """The conversation of a row of `ConversationRepository`."""
    return Conversation(
        id=str(row.conversation_id),
        kind=row.kind,
        title=row.title,
        created_at=row.started_at,
        epoch=row.epoch,
        last_seq=row.last_seq,
        last_msg_no=row.last_msg_no,
        last_message=to_message(cast("MessageColumns", row)) if row.message_id else None,
        read_seq=row.read_seq,
        unread=row.unread,
        role=row.role,
        member_count=row.member_count,
        peer=row.peer,
    )
