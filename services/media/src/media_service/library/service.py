"""What an owner does with files that are there. Each answer is about the caller's own; nobody else's are found."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from media_service.files.domain import event_of, prefixes
from media_service.files.errors import MediaNotFound, NotReady
from media_service.files.models import COUNTED, Crop, File
from media_service.files.repository import DigestRepository, FileRepository
from media_service.library.domain import (
    MOST_CROPS,
    Selection,
    crop_name,
    fits,
    kind_shelf_of,
    shelf_of,
    unique,
)
from media_service.library.errors import TooManyCrops
from media_service.library.repository import LibraryRepository
from media_service.library.schemas import CropWish, MediaPatch, Usage
from media_service.objects.repository import ObjectRepository
from media_service.quotas.repository import QuotaRepository
from media_service.settings import MediaSettings
from messenger_contracts.events.media import MediaCropRequested, MediaDeleted, MediaPurged, MediaRestored
from messenger_contracts.problem import FieldError
from messenger_contracts.shapes import format_timestamp
from servicekit.dynamodb import Transaction
from servicekit.dynamodb_outbox import DynamoOutbox
from servicekit.errors import ValidationFailed
from servicekit.etags import require_match

DAY_SECONDS = 24 * 3600


class LibraryService:
    """Lists, labels, crops and deletes files, and brings them back."""

    def __init__(
        self,
        *,
        files: FileRepository,
        library: LibraryRepository,
        quotas: QuotaRepository,
        outbox: DynamoOutbox,
        settings: MediaSettings,
    ) -> None:
        self._files = files
        self._library = library
        self._quotas = quotas
        self._outbox = outbox
        self._settings = settings

    async def page(self, selection: Selection, after: str | None, limit: int) -> tuple[list[File], str | None]:
        """The next files behind an id, and the id to go on from, if there may be more."""
        ids = await self._library.ids(selection, after, limit + 1)
        files = await self._files.get_all(ids[:limit])
        listed = [files[each] for each in ids[:limit] if each in files and selection.takes(files[each])]
        return listed, ids[limit - 1] if len(ids) > limit else None

    async def usage(self, user_id: str) -> Usage:
        """How much of their space a person uses."""
        used, reserved = await self._quotas.get(user_id)
        return Usage(used=used, reserved=reserved, limit=self._settings.quota_bytes)

    async def owned(self, owner_id: str, media_id: str) -> File:
        """A file of the caller's that is not deleted; raises `MediaNotFound`."""
        file = await self._files.get(media_id)
        if file is None or file.owner_id != owner_id or file.deleted_at:
            raise MediaNotFound
        return file

    async def change(self, owner_id: str, media_id: str, wish: MediaPatch, if_match: str | None) -> File:
        """Set tags and caption, those that are given; raises `MediaNotFound` or `PreconditionFailed`."""
        given = wish.model_fields_set

        def plan(file: File, work: Transaction) -> Mapping[str, Any]:
            _require_own(file, owner_id)
            require_match(if_match, file.version)
            assign: dict[str, Any] = {"caption": wish.caption or None} if "caption" in given else {}
            if wish.tags is not None:
                assign["tags"] = tags = unique(wish.tags)
                self._library.tag(work, owner_id, media_id, set(tags) - set(file.tags))
                self._library.untag(work, owner_id, media_id, set(file.tags) - set(tags))
            return assign

        return await self._evolve(media_id, plan)

    async def crop(self, owner_id: str, media_id: str, wish: CropWish) -> File:
        """Have a part of a picture made as a variant; the same part again is that variant.

        Raises `MediaNotFound`, `NotReady` for what is no picture or not ready, `TooManyCrops`, and `ValidationFailed`.
        """
        crop = Crop(**wish.model_dump())
        name = crop_name(crop)
        file = await self.owned(owner_id, media_id)
        if name in file.crops:
            return file

        def plan(file: File, work: Transaction) -> Mapping[str, Any]:
            _require_own(file, owner_id)
            _require_croppable(file, crop)
            self._outbox.add(work, event_of(MediaCropRequested, file, name=name))
            return {"crops": {each: one.model_dump() for each, one in {**file.crops, name: crop}.items()}}

        return await self._evolve(media_id, plan)

    async def delete(self, owner_id: str, media_id: str, *, erased: bool = False) -> None:
        """Put a file into the bin, out of everybody's sight; raises `MediaNotFound`. `erased`: its owner goes, too."""

        def plan(file: File, work: Transaction) -> Mapping[str, Any]:
            _require_own(file, owner_id)
            return self.binned(file, work, erased=erased)

        await self._evolve(media_id, plan)

    def binned(self, file: File, work: Transaction, *, erased: bool = False) -> Mapping[str, Any]:
        """What to assign to a file that goes into the bin."""
        self._outbox.add(work, event_of(MediaDeleted, file, erased=erased))
        now = datetime.now(UTC)
        return {
            "deleted_at": format_timestamp(now),
            "shelf": shelf_of(file.owner_id, deleted=True) if file.status == "ready" else None,
            "shelf_kind": None,
            "due_at": int(now.timestamp()) + self._settings.restore_days * DAY_SECONDS,
        }

    async def restore(self, owner_id: str, media_id: str) -> File:
        """Take a file out of the bin; one that is not in it stays as it is. Raises `MediaNotFound`."""

        def plan(file: File, work: Transaction) -> Mapping[str, Any] | None:
            if file.owner_id != owner_id or self.is_past_restoring(file):
                raise MediaNotFound
            if file.deleted_at is None:
                return None
            self._outbox.add(work, event_of(MediaRestored, file))
            ready = file.status == "ready"
            return {
                "deleted_at": None,
                "shelf": shelf_of(owner_id) if ready else None,
                "shelf_kind": kind_shelf_of(owner_id, file.kind) if ready else None,
                "due_at": self._due_at(file),
            }

        return await self._files.evolve(media_id, plan) or await self.owned(owner_id, media_id)

    def is_past_restoring(self, file: File) -> bool:
        """Whether a file has been in the bin for so long that it is to be purged."""
        if file.deleted_at is None:
            return False
        return file.deleted_at + timedelta(days=self._settings.restore_days) <= datetime.now(UTC)

    def _due_at(self, file: File) -> int | None:
        """When the sweep must look at a file that comes back: at once, if its processing was broken off."""
        if file.status != "ready":
            return int(time.time())
        return int(time.time()) + self._settings.unused_days * DAY_SECONDS if file.purpose in COUNTED else None

    async def _evolve(self, media_id: str, plan: Any) -> File:
        file = await self._files.evolve(media_id, plan)
        if file is None:
            raise MediaNotFound
        return file


class PurgeService:
    """Removes what is to be gone for good: every object, and every row."""

    def __init__(
        self,
        *,
        files: FileRepository,
        digests: DigestRepository,
        library: LibraryRepository,
        quotas: QuotaRepository,
        objects: ObjectRepository,
        outbox: DynamoOutbox,
        client: Any,
    ) -> None:
        self._files = files
        self._digests = digests
        self._library = library
        self._quotas = quotas
        self._objects = objects
        self._outbox = outbox
        self._client = client

    async def purge(self, file: File) -> bool:
        """Remove a file, its record last, so that what breaks off goes on where it began; False if it has changed."""
        labels = Transaction()
        self._library.untag(labels, file.owner_id, file.id, file.tags)
        if labels.items:
            await labels.commit(self._client)
        if file.sha256:
            await self._digests.forget(file.owner_id, file.sha256, file.id)
        if file.upload_id:
            await self._objects.abort_multipart(prefixes(file.id)[0], file.upload_id)
        found = await asyncio.gather(*(self._objects.keys(prefix) for prefix in prefixes(file.id)))
        await self._objects.remove(*(key for keys in found for key in keys))
        work = Transaction()
        if file.status != "rejected":
            self._quotas.release(work, file.owner_id, file.size, reserved=file.status != "ready")
        self._outbox.add(work, event_of(MediaPurged, file))
        return await self._files.remove(file, work)


def _require_own(file: File, owner_id: str) -> None:
    if file.owner_id != owner_id or file.deleted_at:
        raise MediaNotFound


def _require_croppable(file: File, crop: Crop) -> None:
    if file.status != "ready" or file.kind != "image":
        raise NotReady("Only pictures that are ready can be cropped.")
    if not fits(crop, file):
        raise ValidationFailed(errors=[FieldError(pointer="", detail="reaches beyond the picture")])
    if len(file.crops) >= MOST_CROPS:
        raise TooManyCrops
