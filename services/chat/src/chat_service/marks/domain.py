"""What a member's marks look like, to the member and to the others."""

from typing import Any
from uuid import UUID

from chat_service.conversations.domain import to_draft
from messenger_contracts.conversations import Kept, ReadMark, Receipt


def to_kept(conversation_id: UUID, row: Any) -> Kept:
    """What a member keeps, of a row of `KeptService`."""
    return Kept(
        c=str(conversation_id),
        read_seq=row.read_seq,
        unread=row.unread,
        mentions=row.mention_count,
        marked_unread=row.marked_unread,
        muted_until=row.muted_until,
        pinned=row.pinned,
        archived=row.archived,
        draft=to_draft(row.draft),
    )


def to_read_mark(conversation_id: UUID, reader: str, row: Any) -> ReadMark:
    """How far a member has read, of a row of `KeptService`."""
    return ReadMark(
        conversation_id=str(conversation_id),
        user_id=reader,
        read_seq=row.read_seq,
        delivered_seq=row.delivered_seq,
        last_seq=row.last_seq,
        unread=row.unread,
        mentions=row.mention_count,
    )


def to_receipt(row: Any) -> Receipt:
    """What another member shows."""
    return Receipt(user_id=row.user_id, read_seq=row.shown_seq, delivered_seq=row.delivered_seq)
