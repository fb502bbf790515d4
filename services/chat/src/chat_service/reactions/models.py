"""The table of reactions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class ReactionRow(Base):
    """One person's reaction to the message at `seq`."""

    __tablename__ = "reactions"
    __table_args__ = (Index("reactions_by_user", "user_id", "conversation_id", "seq"),)

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    emoji: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
