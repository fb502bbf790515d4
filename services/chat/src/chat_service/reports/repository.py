"""The queries of reports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chat_service.models import MESSAGE_COLUMNS

_ADD = text("""
    INSERT INTO reports (id, conversation_id, seq, message_id, author, reporter, reason, detail, reported_text,
                         status, created_at)
    VALUES (:id, :conversation_id, :seq, :message_id, :author, :reporter, :reason, :detail, :reported_text,
            'open', :at)
    ON CONFLICT (message_id, reporter) DO NOTHING RETURNING id
""")

_REPORTS = f"""
    SELECT r.id, r.conversation_id, r.seq, r.message_id AS reported_id, r.author AS reported_author, r.reporter,
           r.reason, r.detail, r.reported_text, r.status, r.created_at AS reported_at, r.closed_at, r.closed_by,
           r.note, {MESSAGE_COLUMNS}
    FROM reports r
    LEFT JOIN messages x ON x.conversation_id = r.conversation_id AND x.seq = r.seq AND x.purged_at IS NULL
"""
_OWN = text(f"{_REPORTS} WHERE r.message_id = :message_id AND r.reporter = :reader")
_ONE = text(f"{_REPORTS} WHERE r.id = :id")
_PAGE = text(f"""
    {_REPORTS} WHERE r.status = :status
      AND (CAST(:at AS timestamptz) IS NULL OR (r.created_at, r.id) > (:at, CAST(:last_id AS uuid)))
    ORDER BY r.created_at, r.id LIMIT :limit
""")

_LOCK = text("SELECT 1 FROM reports WHERE id = :id FOR NO KEY UPDATE")
_CLOSE = text("""
    UPDATE reports SET status = :status, note = :note, closed_by = :closed_by, closed_at = :at WHERE id = :id
""")


class ReportRepository:
    """Reads and writes reports. Who may see them, the caller decides."""

    async def add(self, session: AsyncSession, report: dict[str, Any]) -> bool:
        """Insert an open report; False when the reporter has reported the message before."""
        return (await session.execute(_ADD, report)).one_or_none() is not None

    async def own(self, session: AsyncSession, reporter: str, message_id: UUID) -> Row[Any] | None:
        """What a person reported of a message."""
        return (await session.execute(_OWN, {"reader": reporter, "message_id": message_id})).one_or_none()

    async def one(self, session: AsyncSession, reader: str, report_id: UUID) -> Row[Any] | None:
        """A report by its id."""
        return (await session.execute(_ONE, {"reader": reader, "id": report_id})).one_or_none()

    async def page(
        self, session: AsyncSession, reader: str, status: str, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[Row[Any]]:
        """Reports of a status, the oldest first."""
        at, last_id = after or (None, None)
        parameters = {"reader": reader, "status": status, "at": at, "last_id": last_id, "limit": limit}
        return (await session.execute(_PAGE, parameters)).all()

    async def lock(self, session: AsyncSession, report_id: UUID) -> None:
        """Lock a report until the transaction ends."""
        await session.execute(_LOCK, {"id": report_id})

    async def close(
        self, session: AsyncSession, report_id: UUID, at: datetime, by: str, status: str, note: str | None
    ) -> None:
        """Write what was decided on a locked report."""
        parameters = {"id": report_id, "at": at, "closed_by": by, "status": status, "note": note}
        await session.execute(_CLOSE, parameters)
