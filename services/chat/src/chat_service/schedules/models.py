"""The table of messages that wait."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class ScheduledMessageRow(Base):
    """A send that waits for `send_at`. It goes when it was sent; one that could not be sent stays, and says why.

    `retry_at` is when one is looked at again of whose files media could not tell.
    """

    __tablename__ = "scheduled_messages"
    __table_args__ = (Index("scheduled_messages_due", "send_at", postgresql_where=text("failed IS NULL")),)

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    by: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    by_name: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    digest: Mapped[bytes]
    send_at: Mapped[datetime]
    created_at: Mapped[datetime]
    retry_at: Mapped[datetime | None]
    failed: Mapped[str | None]
