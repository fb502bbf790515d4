"""Describes files to readers. Whether a reader may see a file at all does not belong here (`grants`)."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from media_service.deliveries.models import Signer, Window
from media_service.files.models import File, StoredVariant
from messenger_contracts.media import Media, Variant

ORIGINAL, PRIVATE = "original", "private"
ACCEPTED, OK = 202, 200
OWNERS_ALONE: dict[str, Any] = {"tags": [], "taken_at": None, "reason": None}
"""What others do not learn of a file."""


class DeliveryService:
    """Makes descriptions with URLs."""

    def __init__(self, signer: Signer, window_seconds: int, clock: Callable[[], float] = time.time) -> None:
        self._signer = signer
        self._seconds = window_seconds
        self._clock = clock

    @staticmethod
    def status_of(file: File) -> int:
        """The HTTP status of a file's description: 202 until it is either ready or rejected."""
        return OK if file.status in ("ready", "rejected") else ACCEPTED

    async def describe_all(self, files: Iterable[File], reader: str) -> list[Media]:
        """Files as a reader sees them."""
        return [await self.describe(file, reader) for file in files]

    async def describe(self, file: File, reader: str) -> Media:
        """A file as a reader sees it: URLs when it is ready, and what is the owner's own for its owner alone."""
        own = file.owner_id == reader
        told = file.model_dump(include=set(Media.model_fields) - {"variants"}) | ({} if own else OWNERS_ALONE)
        duration = None if file.duration_ms is None else file.duration_ms / 1000
        return Media(**told, duration=duration, variants=await self._variants(file, own=own))

    async def _variants(self, file: File, *, own: bool) -> dict[str, Variant]:
        if file.status != "ready":
            return {}
        window = Window.of(self._clock(), self._seconds)
        stored = {name: one for name, one in file.variants.items() if name != PRIVATE}
        if own and PRIVATE in file.variants:
            stored[ORIGINAL] = file.variants[PRIVATE]
        return {name: await self._variant(one, window) for name, one in stored.items()}

    async def _variant(self, stored: StoredVariant, window: Window) -> Variant:
        return Variant(url=await self._signer.url(stored.key, window), width=stored.width, height=stored.height)
