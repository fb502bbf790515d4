"""The table of words."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from chat_service.models import Base


class SearchWordsRow(Base):
    """The words of the message at `seq`, sent `at`. They stand beside `messages`: a send does not wait for them."""

    __tablename__ = "search_words"
    __table_args__ = (Index("search_words_in_text", "words", postgresql_using="gin"),)

    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    words: Mapped[str] = mapped_column(TSVECTOR)
