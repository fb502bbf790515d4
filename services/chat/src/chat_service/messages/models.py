"""The table of messages. Its key is the place in the log, so that history is a range and the log can be joined."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class MessageRow(Base):
    """A message. `digest` is of the body as it was sent: it tells a replay from another message under the same id."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("messages_by_client_id", "conversation_id", "by", "client_id", unique=True),
        Index("messages_by_sender", "conversation_id", "by", "seq"),
    )

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    msg_no: Mapped[int]
    id: Mapped[UUID]
    by: Mapped[str]
    client_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    text: Mapped[str | None]
    created_at: Mapped[datetime]
