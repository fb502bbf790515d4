"""The table of reports."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class ReportRow(Base):
    """A message that was reported, with its text of that moment; each person reports a message once.

    Some time after the decision `reported_text` and `detail` are purged: the decision itself stays.
    """

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'resolved', 'dismissed')", name="reports_status"),
        UniqueConstraint("message_id", "reporter", name="reports_once"),
        Index("reports_by_status", "status", "created_at", "id"),
        Index(
            "reports_to_purge",
            "closed_at",
            postgresql_where=text("closed_at IS NOT NULL AND (reported_text IS NOT NULL OR detail IS NOT NULL)"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID]
    seq: Mapped[int]
    message_id: Mapped[UUID]
    author: Mapped[str]
    reporter: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[str | None]
    reported_text: Mapped[str | None]
    status: Mapped[str]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    note: Mapped[str | None]
