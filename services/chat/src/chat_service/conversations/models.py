"""Tables of conversations. A conversation's row is the lock under which its log grows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base
from servicekit.outbox import CURRENT_XID


class ConversationRow(Base):
    """A conversation, and where its log stands. `direct_key` makes the direct one of two people unique.

    `closed_by` names those of a direct conversation who block the other, and `last_xid` the transaction that changed
    it last. `avatar_by` gave it its picture. `member_count` and `closed_by` are kept under the row's lock, from
    `members` and `blocks`. Of one that was deleted the row stays, and after `purged_at` nothing else that was said in
    it.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("kind IN ('direct', 'group')", name="conversations_kind"),
        CheckConstraint("last_msg_no <= last_seq", name="conversations_positions"),
        CheckConstraint("history IN ('joined', 'shared')", name="conversations_history"),
        Index(
            "conversations_to_purge",
            "deleted_at",
            postgresql_where=text("deleted_at IS NOT NULL AND purged_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    direct_key: Mapped[str | None] = mapped_column(unique=True)
    title: Mapped[str | None]
    epoch: Mapped[str]
    created_at: Mapped[datetime]
    active_at: Mapped[datetime]
    last_seq: Mapped[int] = mapped_column(server_default=text("0"))
    last_msg_no: Mapped[int] = mapped_column(server_default=text("0"))
    avatar: Mapped[str | None]
    avatar_by: Mapped[str | None]
    history: Mapped[str] = mapped_column(server_default=text("'joined'"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    member_count: Mapped[int]
    closed_by: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    last_xid: Mapped[int] = mapped_column(server_default=CURRENT_XID)
    deleted_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]


class MemberRow(Base):
    """One person in one conversation: how far this person has read, and what the person keeps about it.

    `visible_from` is the first place of the log that is this member's to read. `shown_seq` is the read mark that
    others see. `changed_xid` is the transaction that changed any of it last. Who was `removed` did not leave by choice,
    and comes back by an admin's choice alone.
    """

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'admin', 'member')", name="members_role"),
        Index("members_by_user", "user_id", "conversation_id"),
    )

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    username: Mapped[str]
    role: Mapped[str]
    read_seq: Mapped[int] = mapped_column(server_default=text("0"))
    read_msg_no: Mapped[int] = mapped_column(server_default=text("0"))
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    visible_from: Mapped[int] = mapped_column(server_default=text("1"))
    shown_seq: Mapped[int] = mapped_column(server_default=text("0"))
    delivered_seq: Mapped[int] = mapped_column(server_default=text("0"))
    marked_unread: Mapped[bool] = mapped_column(server_default=text("false"))
    muted_until: Mapped[datetime | None]
    pinned_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    draft: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    changed_xid: Mapped[int] = mapped_column(server_default=CURRENT_XID)
    removed: Mapped[bool] = mapped_column(server_default=text("false"))
