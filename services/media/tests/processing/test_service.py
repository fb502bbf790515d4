"""From an upload to what others see; and whatever dies, or comes twice, or comes too late."""

import asyncio
import hashlib
import io
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from media_service.dependencies import Services, Stores
from media_service.examinations.service import ExaminationService
from media_service.files.domain import incoming_key, original_key, variant_key
from media_service.processing.errors import NothingUploaded
from media_service.processing.service import ProcessingService
from media_service.scanners.service import Verdict
from messenger_contracts.media import RejectReason

KeysOf = Callable[[str], Awaitable[set[str]]]
Told = Callable[[str], Awaitable[list[str]]]
Fetch = Callable[[str], Awaitable[bytes]]
Make = Callable[..., ProcessingService]
UPLOADED, READY, REJECTED = "media.uploaded.v1", "media.ready.v1", "media.rejected.v1"
SHOWN = {
    "originals/*",
    "variants/*/original.jpeg",
    "variants/*/large.webp",
    "variants/*/small.webp",
    "variants/*/thumb.webp",
}
PLACE = "N 52 31 12 E 13 24 18"


def photo(width: int = 320, height: int = 200) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = PLACE
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


PHOTO = photo()


Upload = Callable[..., Awaitable[str]]


async def test_a_photo_is_shown(
    upload: Upload, processing: ProcessingService, services: Services, keys_of: KeysOf, told: Told, fetch: Fetch
) -> None:
    media_id = await upload()

    await processing.process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.kind, file.content_type) == ("ready", "image", "image/jpeg")
    assert (file.width, file.height, file.scan) == (320, 200, "unscanned")
    assert file.sha256 == hashlib.sha256(PHOTO).hexdigest()
    assert file.taken_at
    assert file.taken_at.isoformat() == "2024-05-06T07:08:09+00:00"
    assert await keys_of(media_id) == SHOWN
    assert await told(media_id) == [READY, UPLOADED]
    for name, variant in file.variants.items():
        content = await fetch(variant.key)
        assert len(content) == variant.size
        assert (PLACE.encode() in content) == (name == "private")


async def test_others_get_what_tells_nothing_and_the_owner_gets_the_upload(
    upload: Upload, processing: ProcessingService, alice: Any, s3: httpx.AsyncClient, services: Services
) -> None:
    media_id = await upload()
    await processing.process(media_id)

    answer = await alice.ask("GET", f"media/{media_id}")

    assert answer.status_code == 200
    assert (await s3.get(answer.json()["variants"]["original"]["url"])).content == PHOTO
    file = await services.states.get(media_id)
    assert file
    assert file.variants["original"].key == variant_key(media_id, "original", "jpeg")
    assert file.variants["private"].key == original_key(media_id)


async def test_any_other_file_is_shared_as_it_is(
    upload: Upload, processing: ProcessingService, services: Services, keys_of: KeysOf, fetch: Fetch
) -> None:
    document = b"%PDF-1.7\n" + bytes(100)
    media_id = await upload(document, content_type="application/pdf", filename="a.pdf", purpose="message")

    await processing.process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.kind, file.preview, list(file.variants)) == ("ready", "file", None, ["original"])
    assert await fetch(file.variants["original"].key) == document
    assert await keys_of(media_id) == {"originals/*"}


async def test_a_sound_without_ffmpeg_is_its_owners_alone(
    upload: Upload, make: Make, examinations: ExaminationService, services: Services
) -> None:
    wave = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x08\0\0\0" + bytes(8)
    media_id = await upload(wave, content_type="audio/wav", filename="a.wav", purpose="message")

    await make(examinations=ExaminationService(examinations._sandboxes, examinations._limits, None)).process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.kind, file.preview, list(file.variants)) == ("ready", "audio", False, ["private"])


class Killed(BaseException):
    """The worker's end: nothing that waits for an `Exception` sees it."""


class Mortal:
    """Stands before a collaborator, and dies before or after the call whose turn it is."""

    def __init__(self, inner: Any, turns: "Turns") -> None:
        self._inner = inner
        self._turns = turns

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)
        if name == "read":
            return lambda *args, **more: self._read(real(*args, **more))

        async def call(*args: Any, **more: Any) -> Any:
            self._turns.take(f"before {name}")
            answer = await real(*args, **more)
            self._turns.take(f"after {name}")
            return answer

        return call

    async def _read(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            yield piece
            self._turns.take("within read")


class Turns:
    """Counts calls, and kills at one of them."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal
        self.killed_at = ""

    def take(self, what: str) -> None:
        self._left -= 1
        if self._left == 0:
            self.killed_at = what
            raise Killed(what)


@pytest.mark.parametrize("content", [PHOTO, PHOTO[: len(PHOTO) // 2]], ids=["good", "damaged"])
async def test_a_worker_may_die_at_any_step(
    content: bytes,
    upload: Upload,
    make: Make,
    stores: Stores,
    services: Services,
    examinations: ExaminationService,
    keys_of: KeysOf,
    told: Told,
    alice: Any,
) -> None:
    """However far it came, the next one ends it, with the same objects, one event, and a quota that is right."""
    deaths = set()
    for fatal in count(1):
        media_id = await upload(content + bytes(fatal))  # filling, so that no two have one digest
        turns = Turns(fatal)
        mortal = make(
            files=Mortal(services.states, turns),
            objects=Mortal(stores.objects, turns),
            examinations=Mortal(examinations, turns),
        )
        try:
            await mortal.process(media_id)
        except Killed:
            deaths.add(turns.killed_at)

        await make().process(media_id)

        file = await services.states.get(media_id)
        assert file
        good = content is PHOTO
        assert file.status == ("ready" if good else "rejected"), turns.killed_at
        assert await keys_of(media_id) == (SHOWN if good else set()), turns.killed_at
        assert await told(media_id) == sorted([UPLOADED, READY if good else REJECTED]), turns.killed_at
        used, reserved = await stores.quotas.get(alice.id)
        assert reserved == 0, turns.killed_at
        if not turns.killed_at:
            break
    ends = {"copy", "upload", "ready"} if content is PHOTO else {"reject", "keys"}
    assert {"before begin", "within read", "before examine"} | {f"after {end}" for end in ends} <= deaths
    assert used == (sum(len(content) + n for n in range(1, fatal + 1)) if content is PHOTO else 0)


async def test_a_worker_that_dies_leaves_no_files_behind_when_it_can(
    upload: Upload, make: Make, tmp_path: Path
) -> None:
    class Dying:
        async def scan(self, path: Path) -> Verdict:
            raise Killed

    with pytest.raises(Killed):
        await make(scanner=Dying()).process(await upload())

    assert list((tmp_path / "scratch").iterdir()) == []


async def test_the_same_event_twice_changes_nothing(
    upload: Upload, processing: ProcessingService, services: Services, told: Told
) -> None:
    media_id = await upload()
    await processing.process(media_id)
    before = await services.states.get(media_id)

    await processing.process(media_id)

    assert await services.states.get(media_id) == before
    assert await told(media_id) == [READY, UPLOADED]


async def test_the_same_event_twice_at_once_is_one(
    upload: Upload, processing: ProcessingService, services: Services
) -> None:
    media_id = await upload()

    await asyncio.gather(*(processing.process(media_id) for _ in range(5)))

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.attempts) == ("ready", 1)


async def test_two_workers_at_once_make_one_file(
    upload: Upload, make: Make, services: Services, keys_of: KeysOf, told: Told
) -> None:
    media_id = await upload()

    await asyncio.gather(*(make().process(media_id) for _ in range(3)))

    file = await services.states.get(media_id)
    assert file
    assert file.status == "ready"
    assert await keys_of(media_id) == SHOWN
    assert await told(media_id) == [READY, UPLOADED]


async def test_who_is_overtaken_by_another_worker_says_so_and_leaves_it_at_that(
    upload: Upload, make: Make, processing: ProcessingService, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """The quicker one has taken away what the slower one was about to copy."""
    media_id = await upload()

    class Overtaken:
        async def scan(self, path: Path) -> Verdict:
            await processing.process(media_id)
            return Verdict.CLEAN

    await make(scanner=Overtaken()).process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.scan) == ("ready", "unscanned")
    assert [each.getMessage().partition(":")[0] for each in caplog.records if each.levelname == "WARNING"] == [
        "overtaken by another worker"
    ]


async def test_an_event_before_anything_came_is_tried_again(
    alice: Any, processing: ProcessingService, services: Services
) -> None:
    announced = (await alice.announce(PHOTO, content_type="image/jpeg")).json()

    with pytest.raises(NothingUploaded):
        await processing.process(announced["media_id"])

    file = await services.states.get(announced["media_id"])
    assert file
    assert file.status == "processing"


async def test_an_event_of_a_file_that_nobody_knows_is_passed_over(processing: ProcessingService) -> None:
    await processing.process("0198c0de-0000-7000-8000-000000000001")


class Meanwhile:
    """Examinations during which something else happens."""

    def __init__(self, inner: ExaminationService, happens: Callable[[], Awaitable[Any]]) -> None:
        self._inner = inner
        self._happens = happens

    async def examine(self, *args: Any) -> Any:
        found = await self._inner.examine(*args)
        await self._happens()
        return found


async def test_a_file_that_is_deleted_meanwhile_is_not_shown(
    upload: Upload, make: Make, examinations: ExaminationService, alice: Any, services: Services, told: Told
) -> None:
    media_id = await upload()

    await make(examinations=Meanwhile(examinations, lambda: alice.ask("DELETE", f"media/{media_id}"))).process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert file.deleted_at
    assert file.status == "processing"
    assert READY not in await told(media_id)


async def test_a_file_that_was_deleted_meanwhile_and_restored_is_shown(
    upload: Upload, make: Make, examinations: ExaminationService, alice: Any, services: Services
) -> None:
    media_id = await upload()
    await make(examinations=Meanwhile(examinations, lambda: alice.ask("DELETE", f"media/{media_id}"))).process(media_id)
    await alice.ask("POST", f"media/{media_id}/restore")

    await make().process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert file.status == "ready"


async def test_nothing_is_left_of_a_file_that_is_purged_meanwhile(
    upload: Upload, make: Make, examinations: ExaminationService, stores: Stores, services: Services, keys_of: KeysOf
) -> None:
    media_id = await upload()

    async def purge() -> None:
        key = {"id": {"S": media_id}}
        await stores.dynamodb.delete_item(TableName=stores.files._table, Key=key)
        await stores.objects.remove(incoming_key(media_id), original_key(media_id))

    await make(examinations=Meanwhile(examinations, purge)).process(media_id)

    assert await services.states.get(media_id) is None
    assert await keys_of(media_id) == set()


async def test_an_upload_that_is_replaced_meanwhile_is_looked_at_anew(
    upload: Upload, make: Make, examinations: ExaminationService, stores: Stores, services: Services, fetch: Fetch
) -> None:
    """A presigned request lives for minutes: what it can still write is never what was verified."""
    media_id = await upload()
    other = bytes(len(PHOTO))

    async def replace() -> None:
        await stores.objects.write(incoming_key(media_id), other, "image/jpeg")

    with pytest.raises(ClientError):
        await make(examinations=Meanwhile(examinations, replace)).process(media_id)
    await make().process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.reason) == ("rejected", RejectReason.TYPE_MISMATCH)


async def test_no_more_files_are_on_disk_at_once_than_may_be(upload: Upload, make: Make, tmp_path: Path) -> None:
    seen = []

    class Looking:
        async def scan(self, path: Path) -> Verdict:
            seen.append(len(list((tmp_path / "scratch").iterdir())))
            return Verdict.CLEAN

    ids = [await upload(photo(40 + number, 30)) for number in range(5)]
    processing = make(scanner=Looking(), at_once=2)

    await asyncio.gather(*map(processing.process, ids))

    assert len(seen) == 5
    assert max(seen) <= 2
    shutil.rmtree(tmp_path / "scratch")
