"""Looks at the files that are due, and does what their state asks for.

The index tells only that it is time to look: what is done follows from the record as it is, under its conditions. Any
number of workers may sweep at once, and one that dies leaves nothing half done that the next does not finish.
"""

import time
from collections.abc import Mapping
from typing import Any

from media_service.albums.service import AlbumService
from media_service.files.domain import DUE_SHARDS, event_of
from media_service.files.models import File
from media_service.files.repository import FileRepository
from media_service.library.service import LibraryService, PurgeService
from media_service.settings import MediaSettings
from media_service.states.service import StateService
from media_service.uploads.service import UploadService
from messenger_contracts.events.media import MediaUploaded
from messenger_contracts.media import RejectReason
from servicekit.dynamodb import Transaction
from servicekit.dynamodb_outbox import DynamoOutbox
from servicekit.telemetry import meter, record_failure

AT_ONCE = 25
DAY_SECONDS = 24 * 3600
LATER_SECONDS = 3600
"""When to look again at a file whose sweep failed: the others' turn must come."""
_swept = meter.create_counter("media.swept", description="Files that were due, by what was done")


class SweepService:
    """Takes care of what is due."""

    def __init__(
        self,
        *,
        files: FileRepository,
        states: StateService,
        uploads: UploadService,
        library: LibraryService,
        albums: AlbumService,
        purges: PurgeService,
        outbox: DynamoOutbox,
        settings: MediaSettings,
    ) -> None:
        self._files = files
        self._states = states
        self._uploads = uploads
        self._library = library
        self._albums = albums
        self._purges = purges
        self._outbox = outbox
        self._settings = settings

    async def step(self) -> bool:
        """Look once at every shard; returns whether there may be more to do at once."""
        more = False
        for shard in range(DUE_SHARDS):
            due = await self._files.due(shard, int(time.time()), AT_ONCE)
            for media_id in due:
                await self._look_at(media_id)
            more = more or len(due) == AT_ONCE
        return more

    async def _look_at(self, media_id: str) -> None:
        """Do what is due; a failure is put off, so that it does not hold the others up."""
        try:
            done = await self.sweep(media_id)
        except Exception as error:
            record_failure("sweep", error, media_id=media_id)
            await self._files.put_off(media_id, int(time.time()) + LATER_SECONDS)
            done = "failed"
        _swept.add(1, {"done": done})

    async def sweep(self, media_id: str) -> str:
        """Do what a file's state asks for, if it is due; says what was done."""
        file = await self._files.get(media_id)
        if file is None or file.due_at is None or file.due_at > time.time():
            return "nothing"
        if file.deleted_at:
            return await self._deleted(file)
        if file.status == "pending" and file.uploaded_at is None:
            return await self._unfinished(file)
        if file.status in ("pending", "processing"):
            return await self._stuck(file)
        if file.status == "rejected":
            return await self._purge(file)
        return await self._perhaps_unused(file)

    async def _deleted(self, file: File) -> str:
        if self._library.is_past_restoring(file):
            return await self._purge(file)
        ends = (file.deleted_at or file.created_at).timestamp() + self._settings.restore_days * DAY_SECONDS
        await self._files.put_off(file.id, int(ends) + 1)
        return "put off"

    async def _unfinished(self, file: File) -> str:
        if await self._uploads.arrived(file):
            await self._states.uploaded(file.id)
            return "announced"
        await self._uploads.abandon(file)
        return "expired"

    async def _stuck(self, file: File) -> str:
        if file.attempts >= self._settings.processing_attempts and await self._states.reject(
            file.id, RejectReason.FAILED
        ):
            return "rejected"

        def plan(file: File, work: Transaction) -> Mapping[str, Any] | None:
            if file.status not in ("pending", "processing") or file.deleted_at:
                return None
            self._outbox.add(work, event_of(MediaUploaded, file))
            return {"due_at": int(time.time()) + self._settings.processing_minutes * 60}

        await self._files.evolve(file.id, plan)
        return "announced"

    async def _purge(self, file: File) -> str:
        await self._albums.leave_all(file)
        await self._purges.purge(file)
        return "purged"

    async def _perhaps_unused(self, file: File) -> str:
        """Put a file that hangs nowhere into the bin, from which its owner may still take it.

        One that does hang somewhere is looked at again: who takes it down does not have to tell.
        """
        if file.is_used:
            await self._files.put_off(file.id, int(time.time()) + self._settings.unused_days * DAY_SECONDS)
            return "kept"

        def plan(file: File, work: Transaction) -> Mapping[str, Any] | None:
            return None if file.is_used or not file.may_go_unused else self._library.binned(file, work)

        await self._files.evolve(file.id, plan, as_it_hangs=True)
        return "binned"
