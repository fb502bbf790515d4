"""Rules of changing messages, without I/O."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chat_service.conversations.errors import invalid
from chat_service.messages.errors import MayNotDelete, MessageNotFound, NotAuthor
from messenger_contracts.commands import UUID_PATTERN
from messenger_contracts.conversations import MessageEdit
from messenger_contracts.shapes import version_at

TICK = timedelta(milliseconds=1)
_ID = re.compile(UUID_PATTERN)


def parse_message_id(message_id: str) -> UUID:
    """The id of a message; raises `MessageNotFound` for what is no id at all."""
    if not _ID.fullmatch(message_id):
        raise MessageNotFound
    return UUID(message_id)


def require_shown(message: Any) -> None:
    """Refuse what needs a message that is there for the one who asks: raises `MessageNotFound`."""
    if message.hidden or message.deleted_at:
        raise MessageNotFound


def require_author(message: Any, user_id: str) -> None:
    """Refuse to put words into somebody's mouth: raises `NotAuthor`."""
    if message.author != user_id:
        raise NotAuthor


def require_may_delete(message: Any, member: Any, user_id: str) -> None:
    """Refuse to delete what is neither one's own nor in one's care: raises `MayNotDelete`."""
    looks_after = member.kind == "group" and member.role in ("admin", "owner")
    if message.author != user_id and not looks_after:
        raise MayNotDelete


def require_mentionable(mentions: Sequence[str], before: Sequence[str], members: Sequence[str]) -> None:
    """Refuse to mention who is not there, unless the message did so before: raises `ValidationFailed`."""
    for number, user_id in enumerate(mentions):
        if user_id not in before and user_id not in members:
            raise invalid(f"/mentions/{number}", "is no member of this conversation")


def version_of(message: Any) -> str:
    """What changes when a message says something else, or is deleted. What others add to it is no part of it."""
    moment: datetime = message.deleted_at or message.edited_at or message.created_at
    return version_at(moment)


def edited_at(now: datetime, before: datetime) -> datetime:
    """When an edit took place: later than what was said before, so that no two versions have one name."""
    return max(now, before + TICK)


def to_edit(row: Any) -> MessageEdit:
    """What a message said before."""
    return MessageEdit(version=row.version, text=row.text, mentions=row.mentions or [], until=row.until)
