"""The log's table, and how far the relay has published it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base
from servicekit.outbox import OutboxColumns, RelayPositionColumns


class LogRow(OutboxColumns, Base):
    """One event. A message's content stands in `messages` alone, under the same key: a replay shows it as it is now."""

    __tablename__ = "log"
    __table_args__ = (Index("log_in_commit_order", "xid", "position"),)

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    by_name: Mapped[str]
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class RelayPosition(RelayPositionColumns, Base):
    """How far each relay has come."""

    __tablename__ = "relay_positions"
