"""The table of pins."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class PinRow(Base):
    """The message at `seq` is pinned."""

    __tablename__ = "pins"

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str]
    at: Mapped[datetime]
