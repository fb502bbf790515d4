"""The log's table, how far the relay has published it, and the restores that made its positions void."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base
from servicekit.outbox import OutboxColumns, RelayPositionColumns


class LogRow(OutboxColumns, Base):
    """One event. A message's content stands in `messages` alone: a replay shows it as it is now.

    `target_seq` is the message that the event is about, where that is not the one that it created. An event with an
    `audience` is for that person alone.
    """

    __tablename__ = "log"
    __table_args__ = (Index("log_in_commit_order", "xid", "position"),)

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    by_name: Mapped[str]
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    target_seq: Mapped[int | None]
    audience: Mapped[str | None]


class RelayPosition(RelayPositionColumns, Base):
    """How far each relay has come."""

    __tablename__ = "relay_positions"


class Restore(Base):
    """A restore from a backup: `log_was_restored()` notes it, and gives every conversation a new epoch."""

    __tablename__ = "restores"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
