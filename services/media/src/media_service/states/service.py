"""The states of a file: `pending → processing → ready | rejected`.

Each change is one transaction with what follows from it: the quota, the digest, the event. A change that comes twice,
or after the file was deleted, is not made and says so. Its owner is
told live of those that show. Uploading and processing themselves do not belong here.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from media_service.announcements.service import AnnouncementService
from media_service.files.domain import event_of
from media_service.files.models import COUNTED, Facts, File, StoredVariant
from media_service.files.repository import DigestRepository, FileRepository, Plan
from media_service.quotas.repository import QuotaRepository
from media_service.settings import MediaSettings
from messenger_contracts.events.media import MediaReady, MediaRejected, MediaUploaded
from messenger_contracts.media import RejectReason
from messenger_contracts.shapes import format_timestamp
from servicekit.dynamodb import Transaction
from servicekit.dynamodb_outbox import DynamoOutbox

DAY_SECONDS = 24 * 3600


class StateService:
    """Moves files from state to state."""

    def __init__(
        self,
        files: FileRepository,
        digests: DigestRepository,
        quotas: QuotaRepository,
        outbox: DynamoOutbox,
        settings: MediaSettings,
        announcements: AnnouncementService,
    ) -> None:
        self._files = files
        self._digests = digests
        self._quotas = quotas
        self._outbox = outbox
        self._settings = settings
        self._announcements = announcements

    async def get(self, media_id: str) -> File | None:
        """A file's record as it is now, whatever its state."""
        return await self._files.get(media_id)

    async def uploaded(self, media_id: str) -> File | None:
        """All bytes are there: have the file processed. None if that is known already, or the file is past it."""

        def plan(file: File, work: Transaction) -> Mapping[str, Any] | None:
            if file.status != "pending" or file.uploaded_at or file.deleted_at:
                return None
            self._outbox.add(work, event_of(MediaUploaded, file))
            return {"uploaded_at": format_timestamp(datetime.now(UTC)), "upload_id": None, "due_at": self._stuck_at()}

        return await self._files.evolve(media_id, plan)

    async def begin(self, media_id: str) -> File | None:
        """Begin, or begin again, to process a file; its `attempts` count how often that was.

        None if there is nothing to process: it is ready, rejected, deleted or unknown. Any number may work on one
        file at once, as long as they write the same objects: one of them brings it to its end.
        """
        begun = await self._files.begin(media_id, self._stuck_at())
        if begun and begun.attempts == 1:
            await self._announcements.announce(begun)
        return begun

    async def ready(self, media_id: str, facts: Facts) -> bool:
        """Show a file with what was found out; False if it has been deleted, or brought to its end, meanwhile."""

        def plan(file: File, work: Transaction) -> Mapping[str, Any] | None:
            if not _is_processing(file):
                return None
            self._quotas.settle(work, file.owner_id, file.size)
            self._digests.remember(work, file.owner_id, facts.sha256, file.id)
            told = {"kind": facts.kind, "content_type": facts.content_type, "size": file.size}
            self._outbox.add(work, event_of(MediaReady, file, **told))
            return facts.model_dump(mode="json") | {
                "status": "ready",
                "shelf": file.owner_id,
                "shelf_kind": f"{file.owner_id}#{facts.kind}",
                "due_at": self._in_days(self._settings.unused_days) if file.purpose in COUNTED else None,
            }

        return await self._show(media_id, plan)

    async def reject(self, media_id: str, reason: RejectReason) -> bool:
        """Refuse a file, whose bytes count no longer; False if it was deleted, or brought to its end, meanwhile."""

        def plan(file: File, work: Transaction) -> Mapping[str, Any] | None:
            if not _is_processing(file):
                return None
            self._quotas.release(work, file.owner_id, file.size, reserved=True)
            self._outbox.add(work, event_of(MediaRejected, file, reason=reason))
            return {"status": "rejected", "reason": reason, "due_at": self._in_days(self._settings.restore_days)}

        return await self._show(media_id, plan)

    async def cropped(self, media_id: str, name: str, variant: StoredVariant) -> bool:
        """Show a crop that is among the file's `crops`; False if nobody wants it any more."""

        def plan(file: File, work: Transaction) -> Mapping[str, Any] | None:
            if name not in file.crops or file.status != "ready":
                return None
            made = {**file.variants, name: variant}
            return {"variants": {each: one.model_dump() for each, one in made.items()}}

        return await self._show(media_id, plan)

    async def _show(self, media_id: str, plan: Plan) -> bool:
        """Make a change that the owner is told of; False if it is not to be made."""
        file = await self._files.evolve(media_id, plan)
        if file is None:
            return False
        await self._announcements.announce(file)
        return True

    async def keep(self, media_id: str) -> File | None:
        """Keep a file in the library, whatever it was uploaded for; None if it is there for good already."""

        def plan(file: File, work: Transaction) -> Mapping[str, Any] | None:
            return {"purpose": "library", "due_at": None} if file.may_go_unused else None

        return await self._files.evolve(media_id, plan)

    def after_use(self, file: File) -> Mapping[str, Any]:
        """What to assign when a file hangs somewhere no longer: when to see whether it still hangs anywhere."""
        return {"due_at": self._in_days(self._settings.unused_days)} if file.may_go_unused else {}

    def _stuck_at(self) -> int:
        return int(time.time()) + self._settings.processing_minutes * 60

    @staticmethod
    def _in_days(days: int) -> int:
        return int(time.time()) + days * DAY_SECONDS


def _is_processing(file: File) -> bool:
    return file.status == "processing" and file.deleted_at is None
