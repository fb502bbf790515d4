"""The tables of blocks, and of the events that made them."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base
from servicekit.outbox import CURRENT_XID
from servicekit.postgres_ledger import LedgerColumns


class BlockRow(Base):
    """Whether `blocker` blocks `blocked`. A row stays when the block ends: its version tells an old event from a new.

    `xid` is the transaction that changed it last.
    """

    __tablename__ = "blocks"
    __table_args__ = (
        Index("blocks_by_blocked", "blocked", "blocker"),
        Index("blocks_by_change", "xid"),
    )

    blocker: Mapped[str] = mapped_column(primary_key=True)
    blocked: Mapped[str] = mapped_column(primary_key=True)
    active: Mapped[bool]
    version: Mapped[int]
    xid: Mapped[int] = mapped_column(server_default=CURRENT_XID)


class LedgerRow(LedgerColumns, Base):
    """An event that has taken effect."""

    __tablename__ = "inbox_ledger"
