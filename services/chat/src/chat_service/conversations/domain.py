"""What a row of conversations looks like to a member, and who may write into one."""

import re
from collections.abc import Collection
from typing import Any, cast
from uuid import UUID

from chat_service.conversations.errors import Blocking, ClosedInbox, NotGroup, NotMember, RoleRequired
from chat_service.log.domain import MessageColumns, to_message
from messenger_contracts.commands import UUID_PATTERN
from messenger_contracts.conversations import Conversation, Draft, Role

_ID = re.compile(UUID_PATTERN)
MEMBER: Role = "member"
ADMIN: Role = "admin"
OWNER: Role = "owner"
RANKS: dict[Role, int] = {MEMBER: 0, ADMIN: 1, OWNER: 2}


def parse_id(conversation_id: str) -> UUID:
    """The id of a conversation. What is no id at all is one that the caller is not in."""
    if not _ID.fullmatch(conversation_id):
        raise NotMember
    return UUID(conversation_id)


def direct_key(one: str, other: str) -> str:
    """The same for both people of a direct conversation."""
    return "\n".join(sorted((one, other)))


def require_open(closed_by: Collection[str], user_id: str) -> None:
    """Refuse to write where one of the two blocks the other: raises `Blocking` or `ClosedInbox`."""
    if user_id in closed_by:
        raise Blocking
    if closed_by:
        raise ClosedInbox


def require_role(member: Any, least: Role) -> None:
    """Refuse who is not in a group, in at least this role: raises `NotGroup` or `RoleRequired`."""
    if member.kind != "group":
        raise NotGroup
    if RANKS[member.role] < RANKS[least]:
        raise RoleRequired


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
