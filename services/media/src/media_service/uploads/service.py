"""An upload from its announcement to its last byte. What becomes of the bytes then does not belong here."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from uuid_utils import uuid7

from media_service.departures.errors import Departed
from media_service.departures.repository import DepartureRepository
from media_service.files.domain import incoming_key, suits
from media_service.files.errors import QuotaExceeded, TooLarge, UnsupportedMedia, UploadIncomplete
from media_service.files.models import File
from media_service.files.repository import DigestRepository, FileRepository
from media_service.objects.repository import ObjectRepository, Part, Presigned
from media_service.quotas.repository import QuotaRepository
from media_service.settings import MediaSettings
from media_service.states.service import StateService
from media_service.uploads.domain import missing_parts, part_size_of, parts_of, stands_for
from media_service.uploads.errors import UploadNotFound, UploadOver
from media_service.uploads.schemas import MultipartUpload, PartList, PartState, Upload, UploadCreate, UploadRequest
from messenger_contracts.problem import FieldError
from servicekit.dynamodb import Transaction
from servicekit.dynamodb_idempotency import DynamoIdempotency
from servicekit.idempotency import Answer, Attempt

HOUR_SECONDS = 3600
MOST_NAMED = 20
"""How many missing parts an error names."""


class UploadService:
    """Announces, continues, completes and cancels uploads, each for its owner alone."""

    def __init__(
        self,
        *,
        files: FileRepository,
        states: StateService,
        digests: DigestRepository,
        quotas: QuotaRepository,
        departures: DepartureRepository,
        objects: ObjectRepository,
        answers: DynamoIdempotency,
        settings: MediaSettings,
    ) -> None:
        self._files = files
        self._states = states
        self._digests = digests
        self._quotas = quotas
        self._departures = departures
        self._objects = objects
        self._answers = answers
        self._settings = settings

    async def create(self, owner_id: str, wish: UploadCreate, attempt: Attempt) -> Answer[Upload]:
        """Reserve space and say how to upload; 200 with the file that the owner already has of this content.

        Raises `TooLarge`, `UnsupportedMedia`, `QuotaExceeded`, and what an `Idempotency-Key` raises.
        """
        if wish.size > self._settings.upload_limit:
            raise TooLarge(f"A file may have {self._settings.upload_limit} bytes at most.")
        if not suits(wish.purpose, wish.content_type):
            raise UnsupportedMedia(errors=[FieldError(pointer="/content_type", detail="does not suit the purpose")])
        if existing := await self._existing(owner_id, wish):
            return Answer(Upload(media_id=existing.id, exists=True), status=200)

        async def make(work: Transaction) -> Answer[Upload]:
            file = await self._announced(owner_id, wish)
            self._files.add(work, file)
            self._quotas.reserve(work, owner_id, file.size)
            self._departures.require_present(work, owner_id)
            return Answer(await self._ticket(file))

        answer = await self._answers.once(attempt, Upload, make, refusals={1: QuotaExceeded, 2: Departed})
        return await self._renewed(owner_id, answer) if answer.replayed else answer

    async def parts(self, owner_id: str, media_id: str) -> PartList:
        """What has arrived, and the requests for the rest; raises `UploadNotFound` or `UploadOver`."""
        file = await self._unfinished(owner_id, media_id)
        if file.upload_id is None:
            arrived = await self._objects.head(incoming_key(file.id)) is not None
            single = PartState(
                number=1, size=file.size, uploaded=arrived, upload=None if arrived else await self._whole(file)
            )
            return PartList(part_size=file.size, items=[single])
        sizes, part_size = _sizes(file), file.part_size or file.size
        arrived_parts = await self._arrived(file, file.upload_id)
        missing = set(_missing(file, arrived_parts) if arrived_parts is not None else ())
        items = [
            PartState(
                number=number,
                size=size,
                uploaded=number not in missing,
                upload=await self._part(file, file.upload_id, number, size) if number in missing else None,
            )
            for number, size in enumerate(sizes, 1)
        ]
        return PartList(part_size=part_size, items=items)

    async def complete(self, owner_id: str, media_id: str) -> File:
        """Have the file processed; the same again for one that is complete already.

        S3 tells of what has arrived too; who asks for this need not hope that its word is quick.
        Raises `UploadNotFound` or `UploadIncomplete`.
        """
        try:
            file = await self._unfinished(owner_id, media_id)
        except UploadOver:
            return await self._owned(owner_id, media_id)
        if file.upload_id is not None:
            await self._join(file, file.upload_id)
        elif await self._objects.head(incoming_key(file.id)) is None:
            raise UploadIncomplete
        await self._states.uploaded(file.id)
        return await self._owned(owner_id, media_id)

    async def cancel(self, owner_id: str, media_id: str) -> None:
        """Give an upload up, and its space back; raises `UploadNotFound` or `UploadOver`."""
        file = await self._unfinished(owner_id, media_id)
        if not await self.abandon(file):
            raise UploadOver

    async def abandon(self, file: File) -> bool:
        """Forget a file whose bytes are not all there, and throw away what is; False if it is complete by now."""
        work = Transaction()
        self._quotas.release(work, file.owner_id, file.size, reserved=True)
        if not await self._files.remove(file, work):
            return False
        if file.upload_id:
            await self._objects.abort_multipart(incoming_key(file.id), file.upload_id)
        await self._objects.remove(incoming_key(file.id))
        return True

    async def arrived(self, file: File) -> bool:
        """Whether all bytes of a pending file are there, whoever failed to say so."""
        return await self._objects.head(incoming_key(file.id)) is not None

    async def _existing(self, owner_id: str, wish: UploadCreate) -> File | None:
        media_id = await self._digests.find(owner_id, wish.sha256) if wish.sha256 else None
        file = await self._files.get(media_id) if media_id else None
        if file is None or file.status != "ready" or file.deleted_at or not stands_for(file.purpose, wish.purpose):
            return None
        if wish.purpose == "library":
            await self._states.keep(file.id)
        return file

    async def _announced(self, owner_id: str, wish: UploadCreate) -> File:
        created_at = datetime.now(UTC)  # before the id, whose time must not be below it: lists are cut by both
        media_id, upload_id, part_size = str(uuid7()), None, None
        if wish.size > self._settings.multipart_above:
            upload_id = await self._objects.begin_multipart(incoming_key(media_id), wish.content_type)
            part_size = part_size_of(wish.size)
        return File(
            id=media_id,
            owner_id=owner_id,
            created_at=created_at,
            upload_id=upload_id,
            part_size=part_size,
            due_at=int(time.time()) + self._settings.unfinished_hours * HOUR_SECONDS,
            caption=wish.caption or None,
            **wish.model_dump(exclude={"caption"}),
        )

    async def _ticket(self, file: File) -> Upload:
        if file.upload_id is None:
            return Upload(media_id=file.id, upload=await self._whole(file))
        upload = MultipartUpload(
            url=f"/v1/uploads/{file.id}/parts",
            part_size=file.part_size or file.size,
            parts=len(_sizes(file)),
            expires_at=datetime.fromtimestamp(file.due_at or 0, UTC),
        )
        return Upload(media_id=file.id, upload=upload)

    async def _renewed(self, owner_id: str, answer: Answer[Upload]) -> Answer[Upload]:
        """The answer of a replay, with a URL that has not expired since."""
        try:
            file = await self._unfinished(owner_id, answer.body.media_id)
        except (UploadNotFound, UploadOver):
            return answer
        return Answer(await self._ticket(file), status=answer.status, replayed=True)

    async def _owned(self, owner_id: str, media_id: str) -> File:
        file = await self._files.get(media_id)
        if file is None or file.owner_id != owner_id or file.deleted_at:
            raise UploadNotFound
        return file

    async def _unfinished(self, owner_id: str, media_id: str) -> File:
        file = await self._owned(owner_id, media_id)
        if file.status != "pending" or file.uploaded_at:
            raise UploadOver
        return file

    async def _arrived(self, file: File, upload_id: str) -> list[Part] | None:
        """The parts that have arrived; None when S3 has made the object of them already."""
        parts = await self._objects.parts(incoming_key(file.id), upload_id)
        if parts is None and not await self.arrived(file):
            raise UploadNotFound
        return parts

    async def _join(self, file: File, upload_id: str) -> None:
        arrived = await self._arrived(file, upload_id)
        if arrived is None:
            return
        if missing := _missing(file, arrived):
            raise UploadIncomplete(
                f"{len(missing)} of {len(_sizes(file))} parts are missing.",
                errors=[FieldError(pointer=f"/parts/{n}", detail="has not arrived") for n in missing[:MOST_NAMED]],
            )
        joined = await self._objects.complete_multipart(incoming_key(file.id), upload_id, arrived)
        if not joined and not await self.arrived(file):  # somebody cancelled it, and did not complete it too
            raise UploadNotFound

    async def _whole(self, file: File) -> UploadRequest:
        presigned = await self._objects.presign_put(
            incoming_key(file.id),
            content_type=file.content_type,
            size=file.size,
            sha256=file.sha256,
            seconds=self._settings.upload_seconds,
        )
        return self._request(presigned)

    async def _part(self, file: File, upload_id: str, number: int, size: int) -> UploadRequest:
        presigned = await self._objects.presign_part(
            incoming_key(file.id), upload_id, number, size=size, seconds=self._settings.upload_seconds
        )
        return self._request(presigned)

    def _request(self, presigned: Presigned) -> UploadRequest:
        expires_at = datetime.now(UTC) + timedelta(seconds=self._settings.upload_seconds)
        return UploadRequest(url=presigned.url, headers=dict(presigned.headers), expires_at=expires_at)


def _sizes(file: File) -> Sequence[int]:
    return parts_of(file.size, file.part_size or file.size)


def _missing(file: File, arrived: Sequence[Part]) -> list[int]:
    return missing_parts(_sizes(file), [(part.number, part.size) for part in arrived])
