"""The table of invites."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class InviteRow(Base):
    """A code, how long and how often it is good, and how often it was used."""

    __tablename__ = "invites"
    __table_args__ = (
        CheckConstraint("max_uses IS NULL OR uses <= max_uses", name="invites_uses"),
        Index("invites_by_conversation", "conversation_id", "created_at", postgresql_where=text("revoked_at IS NULL")),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id"))
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    max_uses: Mapped[int | None]
    uses: Mapped[int] = mapped_column(server_default=text("0"))
    revoked_at: Mapped[datetime | None]
