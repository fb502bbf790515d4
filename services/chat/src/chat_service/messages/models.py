"""Tables of messages and of what was said in them before."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, false, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class MessageRow(Base):
    """A message's content, under the key of the log row that made it.

    A deleted one keeps its content until it is purged, and nobody is shown it. `touched` says that it has had a
    reaction or begun a thread.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("messages_by_client_id", "conversation_id", "by", "client_id", unique=True),
        # `by` has the collation "C" there, so that the index never serves the look-up by client_id: it would ruin it.
        Index("messages_by_sender", "conversation_id", "by", "seq"),
        Index("messages_by_id", "id", unique=True),
        Index(
            "messages_by_thread",
            "conversation_id",
            "thread_root",
            "seq",
            postgresql_where=text("thread_root IS NOT NULL"),
        ),
        Index(
            "messages_expiring",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL AND deleted_at IS NULL"),
        ),
        Index(
            "messages_by_file",
            "media",
            postgresql_using="gin",
            postgresql_ops={"media": "jsonb_path_ops"},
            postgresql_where=text("media IS NOT NULL"),
        ),
        Index("messages_deleted", "conversation_id", "seq", postgresql_where=text("deleted_at IS NOT NULL")),
        Index(
            "messages_to_purge",
            "deleted_at",
            postgresql_where=text("deleted_at IS NOT NULL AND purged_at IS NULL"),
        ),
    )

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    msg_no: Mapped[int]
    id: Mapped[UUID]
    by: Mapped[str]
    client_id: Mapped[UUID]
    digest: Mapped[bytes]
    text: Mapped[str | None]
    created_at: Mapped[datetime]
    reply_to: Mapped[UUID | None]
    thread_root: Mapped[UUID | None]
    mentions: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    media: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    previews: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    touched: Mapped[bool] = mapped_column(server_default=false())
    edited_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]


class EditRow(Base):
    """What a message said before it was edited."""

    __tablename__ = "edits"

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str | None]
    mentions: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    until: Mapped[datetime]


class MentionRow(Base):
    """A person whom a message mentions, found from the person."""

    __tablename__ = "mentions"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)


class HiddenMessageRow(Base):
    """A message that a person deleted for himself or herself alone."""

    __tablename__ = "hidden_messages"
    __table_args__ = (Index("hidden_messages_by_message", "conversation_id", "seq"),)

    user_id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
