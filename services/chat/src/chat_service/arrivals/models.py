"""Tables of files that are on their way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class AwaitedFileRow(Base):
    """A file that was neither ready nor rejected when the message at `seq` was sent, or that was shown by it and has
    become something else since."""

    __tablename__ = "awaited_files"
    __table_args__ = (Index("awaited_files_by_conversation", "conversation_id"),)

    media_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(server_default=func.now())


class SettledFileRow(Base):
    """A file of which media says that it is ready or rejected, deleted or restored, as of a version.

    Kept for a while: the message that carries it may be about to be committed. Whichever of the two rows comes last,
    both are there then.
    """

    __tablename__ = "settled_files"

    media_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(server_default=text("0"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
