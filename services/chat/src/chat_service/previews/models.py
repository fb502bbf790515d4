"""The table of pages to look at."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class PreviewJobRow(Base):
    """The message at `seq` links to pages that nobody has looked at yet."""

    __tablename__ = "preview_jobs"
    __table_args__ = (Index("preview_jobs_due", "due_at"),)

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    urls: Mapped[list[str]] = mapped_column(ARRAY(Text))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    due_at: Mapped[datetime]
