"""Tables of conversations. A conversation's row is the lock under which its log grows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class ConversationRow(Base):
    """A conversation, and where its log stands. `direct_key` makes the direct one of two people unique."""

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("kind IN ('direct', 'group')", name="conversations_kind"),
        CheckConstraint("last_msg_no <= last_seq", name="conversations_positions"),
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


class MemberRow(Base):
    """One person in one conversation, and how far this person has read."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'admin', 'member')", name="members_role"),
        Index("members_by_user", "user_id", "conversation_id", postgresql_where=text("left_at IS NULL")),
    )

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    username: Mapped[str]
    role: Mapped[str]
    read_seq: Mapped[int] = mapped_column(server_default=text("0"))
    read_msg_no: Mapped[int] = mapped_column(server_default=text("0"))
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
