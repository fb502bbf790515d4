"""Exports as people meet them: how one is asked for, and how it is fetched. The work itself: `archiver`.

Who asks must have signed in within the last ten minutes, and again to fetch: what is in the archive is worth more to a
thief than the session that a device was left with.
"""

import time
from datetime import UTC, datetime
from uuid import uuid4

from auth_service.audits.service import SecurityLog
from auth_service.exports.domain import LINK_SECONDS, recent, retry_after
from auth_service.exports.errors import NoSuchExport, TooManyExports
from auth_service.exports.models import Export
from auth_service.exports.repository import ArchiveRepository, ExportRepository
from auth_service.exports.schemas import ExportRead, ExportRequested
from auth_service.sessions.errors import NotRecent
from auth_service.sessions.service import SessionService
from messenger_contracts.events import auth as events
from messenger_contracts.identity import Principal

FRESH_SECONDS = 600


class ExportService:
    """Takes wishes for copies, and hands them out."""

    def __init__(
        self,
        *,
        exports: ExportRepository,
        archives: ArchiveRepository,
        sessions: SessionService,
        log: SecurityLog,
    ) -> None:
        self._exports = exports
        self._archives = archives
        self._sessions = sessions
        self._log = log

    async def request(self, principal: Principal, network: str | None) -> ExportRequested:
        """Note the caller's wish; while a copy is being made, the answer is that one.

        Raises `NotRecent` unless the caller has just signed in, and `TooManyExports`.
        """
        await self._sessions.require_recent(principal, FRESH_SECONDS)
        while True:
            now, before = int(time.time()), await self._exports.get(principal.user_id)
            if before and before.state == "running":
                return ExportRequested(job=before.job)
            requests = recent(before.requests, now) if before else []
            if wait := retry_after(requests, now):
                raise TooManyExports(headers={"Retry-After": str(wait)})
            wish = Export(
                user_id=principal.user_id,
                job=uuid4().hex,
                state="running",
                requested_at=now,
                due_at=now,
                requests=[*requests, now],
            )
            told = self._log.items(events.ExportRequested(user_id=wish.user_id, job=wish.job, network=network))
            if await self._exports.put(wish, before, told):
                if before:
                    await self._archives.delete(before.key)
                return ExportRequested(job=wish.job)

    async def read(self, principal: Principal, job: str) -> ExportRead:
        """How far the caller's copy is, with a link to it if it is ready and the caller has just signed in."""
        export = await self._exports.get(principal.user_id)
        if export is None or export.job != job or (export.expires_at and export.expires_at <= time.time()):
            raise NoSuchExport
        return ExportRead(
            job=export.job,
            state=export.state,
            requested_at=_instant(export.requested_at),
            ready_at=None if export.ready_at is None else _instant(export.ready_at),
            expires_at=None if export.expires_at is None else _instant(export.expires_at),
            size=export.size,
            url=await self._link(principal, export),
        )

    async def _link(self, principal: Principal, export: Export) -> str | None:
        if export.state != "ready":
            return None
        try:
            await self._sessions.require_recent(principal, FRESH_SECONDS)
        except NotRecent:
            return None
        return await self._archives.link(export.key, LINK_SECONDS)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
