"""Verifies a file, makes its variants, and shows it.

    begin → fetch → compare → scan → examine → keep → ready        or, from any step,        reject

A worker may die after any step: the message comes again, and another begins anew. Nothing is resumed half-way, for
nothing has to be: each step writes the same objects under the same names or changes nothing, and what others see
changes once, in the transaction of `ready` or `reject`. What is done after that, which is only to clear away, is done
by whoever finds the file ended. The same holds for an event that comes twice, at once or years later.

What the client uploaded lies in `incoming/`, where its presigned request can still reach it; what was verified is
copied out of there on condition that it is the same object still.
"""

import hashlib
import logging
from asyncio import Lock, Semaphore
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from weakref import WeakValueDictionary

from media_service.contents.errors import Refused
from media_service.examinations.models import Findings, Made
from media_service.examinations.service import ExaminationService
from media_service.files.domain import incoming_key, original_key, prefixes, suits, variant_key
from media_service.files.models import Facts, File, StoredVariant
from media_service.objects.repository import ObjectRepository
from media_service.processing.errors import NothingUploaded
from media_service.scanners.service import Scanner, Verdict
from media_service.states.service import StateService
from messenger_contracts.media import RejectReason
from servicekit.telemetry import meter, record_failure

log = logging.getLogger(__name__)

ORIGINAL, PRIVATE = "original", "private"
_ended = meter.create_counter("media.processed", description="Files by kind and outcome")


class ProcessingService:
    """Processes uploaded files, and cuts crops."""

    def __init__(
        self,
        *,
        files: StateService,
        objects: ObjectRepository,
        scanner: Scanner,
        examinations: ExaminationService,
        attempts: int,
        at_once: int,
        scratch: Path | None = None,
    ) -> None:
        self._files = files
        self._objects = objects
        self._scanner = scanner
        self._examinations = examinations
        self._attempts = attempts
        self._free = Semaphore(at_once)
        self._locks: WeakValueDictionary[str, Lock] = WeakValueDictionary()
        self._scratch = scratch

    async def process(self, media_id: str) -> None:
        """Bring a file to its end. What this raises may be gone at the next try.

        S3 and the API both tell of an upload, often at once: the second waits here and finds nothing left to do. In
        two workers both would do all of it, which costs time and nothing else.
        """
        lock = self._locks.setdefault(media_id, Lock())
        async with lock, self._free:
            file = await self._files.begin(media_id)
            if file is None:
                await self._clear_away(media_id)
            elif file.attempts > self._attempts:
                await self._refuse(file, Refused(RejectReason.FAILED, f"It was tried {self._attempts} times."))
            else:
                await self._bring_to_its_end(file)

    async def crop(self, media_id: str, name: str) -> None:
        """Make a crop that the owner asked for, unless nobody wants it any more."""
        async with self._free:
            file = await self._files.get(media_id)
            if file is None:  # purged, perhaps while another worker, dead by now, made the crop
                await self._clear_away(media_id)
                return
            if file.status != "ready" or name not in file.crops or name in file.variants:
                return
            box, original = file.crops[name], file.variants[ORIGINAL]
            with TemporaryDirectory(dir=self._scratch) as folder:
                source, _ = await self._fetch(original.key, original.size, Path(folder))
                try:
                    found = await self._examinations.crop(
                        source, Path(folder), original.content_type, (box.x, box.y, box.width, box.height)
                    )
                except Refused as error:
                    record_failure("media.crop", error, media_id=media_id, crop=name)
                    return
                (made,) = found.made.values()
                variant = await self._keep_variant(file, name, made, Path(folder))
            if not await self._files.cropped(media_id, name, variant):
                await self._objects.remove(variant.key)

    async def _bring_to_its_end(self, file: File) -> None:
        try:
            shown = await self._verify_and_show(file)
        except Refused as refused:
            await self._refuse(file, refused)
            return
        except Exception as error:
            if not await self._is_past(file.id):
                raise
            shown = False
            log.warning("overtaken by another worker: %s", error, exc_info=error, extra={"media_id": file.id})
            _ended.add(1, {"outcome": "overtaken"})
        if shown:
            _ended.add(1, {"outcome": "ready"})
        await self._clear_away(file.id)

    async def _is_past(self, media_id: str) -> bool:
        """Whether a file has come to its end meanwhile, by another worker, who then cleared away what it came from."""
        file = await self._files.get(media_id)
        return file is None or file.status != "processing"

    async def _verify_and_show(self, file: File) -> bool:
        with TemporaryDirectory(dir=self._scratch) as name:
            folder = Path(name)
            source, etag, sha256 = await self._fetch_upload(file, folder)
            verdict = await self._scanner.scan(source)
            if verdict is Verdict.INFECTED:
                raise Refused(RejectReason.INFECTED, "The scanner found something.")
            found = await self._examinations.examine(source, folder, file.content_type)
            if not suits(file.purpose, found.content_type):
                raise Refused(RejectReason.TYPE_REFUSED, f"{found.content_type} does not suit {file.purpose}.")
            await self._objects.copy(
                incoming_key(file.id),
                original_key(file.id),
                etag=etag,
                content_type=found.content_type,
                filename=file.filename,
            )
            variants = {name: await self._keep_variant(file, name, made, folder) for name, made in found.made.items()}
        return await self._files.ready(file.id, _facts(file, found, variants, sha256, verdict))

    async def _fetch_upload(self, file: File, folder: Path) -> tuple[Path, str, str]:
        """The uploaded bytes, their ETag and their digest. Raises `Refused` when they are not those declared."""
        head = await self._objects.head(incoming_key(file.id))
        if head is None:
            raise NothingUploaded(file.id)
        if head.size != file.size:
            raise Refused(RejectReason.SIZE_MISMATCH, f"{head.size} bytes came, {file.size} were declared.")
        source, sha256 = await self._fetch(incoming_key(file.id), head.size, folder, etag=head.etag)
        if file.sha256 and sha256 != file.sha256:
            raise Refused(RejectReason.CHECKSUM_MISMATCH, "The bytes are not those that were declared.")
        return source, head.etag, sha256

    async def _fetch(self, key: str, size: int, folder: Path, *, etag: str | None = None) -> tuple[Path, str]:
        """An object as a file, and its digest in hex."""
        if etag is None:
            head = await self._objects.head(key)
            if head is None:
                raise NothingUploaded(key)
            etag = head.etag
        target, digest, length = folder / "source", hashlib.sha256(), 0
        with target.open("wb") as file:
            async for piece in self._objects.read(key, etag=etag):
                digest.update(piece)
                length += file.write(piece)
        if length != size:
            raise NothingUploaded(f"{key} broke off after {length} of {size} bytes")
        return target, digest.hexdigest()

    async def _keep_variant(self, file: File, name: str, made: Made, folder: Path) -> StoredVariant:
        path = folder / made.file
        if path.is_symlink() or not path.is_file():
            raise Refused(RejectReason.HOSTILE, f"The sandbox left no file named {made.file}.")
        key = variant_key(file.id, name, path.suffix.removeprefix("."))
        saved_as = PurePosixPath(file.filename).stem + path.suffix if name == ORIGINAL else None
        await self._objects.upload(key, path, made.content_type, saved_as)
        return StoredVariant(
            key=key,
            content_type=made.content_type,
            size=path.stat().st_size,
            width=made.width,
            height=made.height,
        )

    async def _refuse(self, file: File, refused: Refused) -> None:
        log.info("file %s is refused: %s", file.id, refused)
        _ended.add(1, {"outcome": refused.reason})
        await self._files.reject(file.id, refused.reason)
        await self._clear_away(file.id)

    async def _clear_away(self, media_id: str) -> None:
        """Remove what the file's state has no use for; of a file that was purged, that is all there is.

        Of one that was deleted before it was shown, what was uploaded stays: it is processed anew if it is restored.
        """
        file = await self._files.get(media_id)
        incoming, *made = prefixes(media_id)
        if file is None or file.status == "rejected":
            await self._remove_all(incoming, *made)
        elif file.deleted_at and file.status != "ready":
            await self._remove_all(*made)
        elif file.status == "ready":
            await self._objects.remove(incoming)

    async def _remove_all(self, *prefixes: str) -> None:
        for prefix in prefixes:
            await self._objects.remove(*await self._objects.keys(prefix))


def _facts(file: File, found: Findings, variants: Mapping[str, StoredVariant], sha256: str, verdict: Verdict) -> Facts:
    mine = StoredVariant(
        key=original_key(file.id),
        content_type=found.content_type,
        size=file.size,
        width=found.width,
        height=found.height,
    )
    return Facts(
        kind=found.kind,
        content_type=found.content_type,
        sha256=sha256,
        width=found.width,
        height=found.height,
        duration_ms=found.duration_ms,
        blurhash=found.blurhash,
        color=found.color,
        waveform=found.waveform,
        taken_at=found.taken_at,
        preview=bool(found.made) if found.kind in ("audio", "video") else None,
        scan="clean" if verdict is Verdict.CLEAN else "unscanned",
        variants={**variants, (ORIGINAL if found.as_it_is else PRIVATE): mine},
    )
