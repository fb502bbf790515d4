"""Use cases of reports: bring a message before the moderators, and decide on it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from chat_service.conversations.domain import parse_id
from chat_service.files.service import FileService
from chat_service.log.service import Change, ChangeService, now
from chat_service.messages.domain import require_shown
from chat_service.messages.service import MessageCommands, MessageFinder
from chat_service.reports.domain import parse_report_id, require_others, to_own_report, to_report
from chat_service.reports.errors import ReportClosed, ReportNotFound
from chat_service.reports.repository import ReportRepository
from chat_service.reports.schemas import ReportCreate, ReportPatch
from messenger_contracts.conversations import Report
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.postgres import Database, Session

OPEN = "open"
MODERATED = "moderated"


class ReportService:
    """Takes reports, for one reader at a time."""

    def __init__(self, session: Session, repository: ReportRepository, finder: MessageFinder) -> None:
        self._session = session
        self._repository = repository
        self._finder = finder

    async def report(
        self, reporter: str, conversation_id: str, message_id: str, wish: ReportCreate
    ) -> tuple[Report, bool]:
        """Report a message that the reporter may read; returns the report, and whether it was made now.

        A second one is the first, also when the message is gone by then. Raises `OwnMessage`.
        """
        conversation = parse_id(conversation_id)
        _, message = await self._finder.any(self._session, reporter, conversation, message_id)
        earlier = await self._repository.own(self._session, reporter, message.message_id)
        if earlier is not None:
            return to_own_report(earlier), False
        require_shown(message)
        require_others(message.author, reporter)
        created = await self._repository.add(self._session, _new(reporter, message, wish))
        row = await self._repository.own(self._session, reporter, message.message_id)
        return to_own_report(row), created


def _new(reporter: str, message: Any, wish: ReportCreate) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "conversation_id": message.message_conversation,
        "seq": message.message_seq,
        "message_id": message.message_id,
        "author": message.author,
        "reporter": reporter,
        "reason": wish.reason,
        "detail": wish.detail,
        "reported_text": message.text,
        "at": now(),
    }


class ModerationService:
    """What moderators do with reports."""

    def __init__(
        self,
        database: Database,
        repository: ReportRepository,
        changes: ChangeService,
        messages: MessageCommands,
        cursors: Cursors,
        files: FileService,
    ) -> None:
        self._database = database
        self._repository = repository
        self._changes = changes
        self._messages = messages
        self._cursors = cursors
        self._files = files

    async def page(self, moderator: str, status: str, cursor: str | None, limit: int) -> Page[Report]:
        """Reports of a status, the oldest first."""
        after, scope = None, f"{moderator}:{status}"
        if cursor:
            at, last_id = await self._cursors.read(scope, cursor)
            after = datetime.fromisoformat(at), UUID(last_id)
        async with self._database.read() as session:
            rows = await self._repository.page(session, moderator, status, after, limit + 1)
        reports = [to_report(row) for row in rows]
        await self._files.describe(moderator, [each.message for each in reports])
        return await self._cursors.page(scope, reports, limit, lambda last: (last.created_at.isoformat(), last.id))

    async def one(self, moderator: str, report_id: str) -> Report:
        """A report; raises `ReportNotFound`."""
        async with self._database.read() as session:
            report = to_report(await self._find(session, moderator, parse_report_id(report_id)))
        await self._files.describe(moderator, [report.message])
        return report

    async def close(self, moderator: str, report_id: str, wish: ReportPatch) -> Report:
        """Decide on a report, and delete its message with it, in one transaction.

        The same decision again is harmless; raises `ReportClosed` for another, `ReportNotFound`.
        """
        report = parse_report_id(report_id)
        if wish.delete_message:
            async with self._database.read() as session:
                conversation: UUID = (await self._find(session, moderator, report)).conversation_id
            async with self._changes.change(conversation) as change:
                if change is not None:
                    return await self._close(change.session, moderator, report, wish, change)
        async with self._database.write() as session:
            return await self._close(session, moderator, report, wish, None)

    async def _close(
        self, session: Session, moderator: str, report: UUID, wish: ReportPatch, change: Change | None
    ) -> Report:
        await self._repository.lock(session, report)
        row = await self._find(session, moderator, report)
        if row.status == OPEN:
            if change is not None:
                await self._messages.end_in(change, [row.seq], MODERATED)
            await self._repository.close(session, report, now(), moderator, wish.status, wish.note)
            row = await self._find(session, moderator, report)
        elif (row.status, row.note, row.closed_by) != (wish.status, wish.note, moderator):
            raise ReportClosed
        return to_report(row)

    async def _find(self, session: Session, moderator: str, report: UUID) -> Any:
        row = await self._repository.one(session, moderator, report)
        if row is None:
            raise ReportNotFound
        return row
