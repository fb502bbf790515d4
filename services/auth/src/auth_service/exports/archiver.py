"""Makes the archives: asks every service for its records, a page at a time, and writes them to S3 in parts.

A service that keeps files names them by signed URLs, and they pass through here piece by piece. No more than a page and
a part are held, however much there is. While it works, the worker says so in the row; one that
dies is succeeded after a minute, and the successor begins anew. Two that write at once write two objects' parts, of
which the last to finish is the archive: both are whole.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

from auth_service.audits.service import SecurityLog
from auth_service.exports.domain import CLAIM_SECONDS, KEPT_SECONDS, MOST_TRIES, PART_BYTES, Archive, pause
from auth_service.exports.models import Export
from auth_service.exports.own import OwnRecords
from auth_service.exports.repository import ArchiveRepository, ExportRepository, Upload
from auth_service.keepers.service import Keepers
from auth_service.user_pool.errors import UnknownAccount
from messenger_contracts.events.auth import ExportReady
from messenger_contracts.personal_data import PersonalFile, PersonalPage
from servicekit.downloads import Downloads
from servicekit.errors import NotFound
from servicekit.telemetry import meter, record_failure

OWN = "auth"
_made = meter.create_counter("exports.made", description="Archives that became ready")
_gone = meter.create_counter("exports.files_gone", description="Files that were purged while an archive was made")


class Taken(Exception):
    """Another worker has the export, or its person is gone."""


class Archiver:
    """Takes the exports that are due."""

    def __init__(
        self,
        *,
        exports: ExportRepository,
        archives: ArchiveRepository,
        own: OwnRecords,
        keepers: Keepers,
        downloads: Downloads,
        log: SecurityLog,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._exports = exports
        self._archives = archives
        self._own = own
        self._keepers = keepers
        self._downloads = downloads
        self._log = log
        self._part = part_bytes

    async def step(self) -> bool:
        """Make some of the archives that are due; returns whether there were any."""
        now = int(time.time())
        due = await self._exports.due(now)
        for user_id in due:
            export = await self._exports.get(user_id)
            if export and export.running and export.due_at <= now and (held := await self._hold(export)):
                await self._attempt(held)
        return bool(due)

    async def forget(self, user_id: str) -> None:
        """Remove a person's archive, and all that is known of it."""
        if export := await self._exports.get(user_id):
            await self._archives.delete(export.key)
            await self._exports.delete(user_id)

    async def _attempt(self, export: Export) -> None:
        upload = await self._archives.begin(export.key)
        work = _Work(export, upload)
        try:
            await self._write(work)
            await self._finish(work)
        except (Taken, UnknownAccount):
            await upload.abort()
        except Exception as error:
            record_failure("exports", error, job=export.job)
            await upload.abort()
            await self._fail(work.export)

    async def _write(self, work: "_Work") -> None:
        with closing(Archive()) as archive:
            async for service, page in self._pages(work.export.user_id):
                await asyncio.to_thread(archive.add, service, page.items)
                await self._go_on(work, archive)
                for file in page.files:
                    await self._attach(work, archive, service, file)
        await work.upload.write(archive.take())

    async def _attach(self, work: "_Work", archive: Archive, service: str, file: PersonalFile) -> None:
        """Write a file into the archive; one that its owner has purged since is left out."""
        try:
            async with self._downloads.open(file.url) as pieces:
                archive.begin(service, file.name)
                async for piece in pieces:
                    archive.append(piece)
                    await self._go_on(work, archive)
        except NotFound:
            _gone.add(1)

    async def _go_on(self, work: "_Work", archive: Archive) -> None:
        """Write what is enough for a part, and give a sign of life."""
        if archive.waiting >= self._part:
            await work.upload.write(archive.take())
        await self._keep(work)

    async def _pages(self, user_id: str) -> AsyncIterator[tuple[str, PersonalPage]]:
        async for records in self._own.of(user_id):
            yield OWN, PersonalPage(items=records)
        for name in self._keepers.names:
            async for page in self._keepers.pages(name, user_id):
                yield name, page

    async def _finish(self, work: "_Work") -> None:
        await work.upload.finish()
        export, now = work.export, int(time.time())
        changes = {"state": "ready", "ready_at": now, "size": work.upload.size, "expires_at": now + KEPT_SECONDS}
        told = self._log.items(ExportReady(user_id=export.user_id, job=export.job))
        if await self._exports.end(export, changes, told):
            _made.add(1)
        elif await self._is_gone(export):
            await self._archives.delete(export.key)

    async def _is_gone(self, export: Export) -> bool:
        """Whether nobody can fetch the archive: its person was erased, or asked for another."""
        present = await self._exports.get(export.user_id)
        return present is None or present.job != export.job

    async def _fail(self, export: Export) -> None:
        now = int(time.time())
        if export.tries >= MOST_TRIES:
            await self._exports.end(export, {"state": "failed", "expires_at": now + KEPT_SECONDS}, [])
        else:
            await self._exports.hold(export, due_at=now + pause(export.tries), tries=export.tries)

    async def _hold(self, export: Export, tries: int = 1) -> Export | None:
        """Have an export for another minute; None if it is not ours to have."""
        until = int(time.time()) + CLAIM_SECONDS
        held = replace(export, due_at=until, tries=export.tries + tries)
        return held if await self._exports.hold(export, due_at=until, tries=held.tries) else None

    async def _keep(self, work: "_Work") -> None:
        if work.export.due_at - time.time() > CLAIM_SECONDS / 2:
            return
        held = await self._hold(work.export, tries=0)
        if held is None:
            raise Taken
        work.export = held


class _Work:
    """An export that is being made."""

    def __init__(self, export: Export, upload: Upload) -> None:
        self.export = export
        self.upload = upload
