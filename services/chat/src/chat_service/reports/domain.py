"""What a report looks like to a moderator, and to who made it."""

from typing import Any, cast
from uuid import UUID

from chat_service.log.domain import MessageColumns, to_message
from chat_service.reports.errors import OwnMessage, ReportNotFound
from messenger_contracts.conversations import Report


def parse_report_id(report_id: str) -> UUID:
    """The id of a report; raises `ReportNotFound` for what is no id at all."""
    try:
        return UUID(report_id)
    except ValueError as error:
        raise ReportNotFound from error


def require_others(author: str, reporter: str) -> None:
    """Refuse a report of one's own message: raises `OwnMessage`."""
    if author == reporter:
        raise OwnMessage


def to_report(row: Any) -> Report:
    """The report of a row of `ReportRepository`, whole."""
    return Report(
        id=str(row.id),
        conversation_id=str(row.conversation_id),
        message_id=str(row.reported_id),
        message=to_message(cast("MessageColumns", row)) if row.message_id else None,
        reported_text=row.reported_text,
        author=row.reported_author,
        reporter=row.reporter,
        reason=row.reason,
        detail=row.detail,
        status=row.status,
        created_at=row.reported_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        note=row.note,
    )


def to_own_report(row: Any) -> Report:
    """The report as its maker sees it: who decided, and what moderators tell each other, is theirs."""
    return to_report(row).model_copy(update={"closed_by": None, "note": None})
