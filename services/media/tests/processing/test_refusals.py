"""What is refused, by us or by the scanner; and what cannot be told yet."""

import hashlib
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from media_service.dependencies import Services, Stores
from media_service.examinations.service import ExaminationService
from media_service.files.domain import incoming_key
from media_service.processing.service import ProcessingService
from media_service.sandboxes.errors import WorkLost
from media_service.scanners.errors import ScannerUnavailable
from media_service.scanners.service import Verdict
from messenger_contracts.media import RejectReason

KeysOf = Callable[[str], Awaitable[set[str]]]
Told = Callable[[str], Awaitable[list[str]]]
Make = Callable[..., ProcessingService]
Upload = Callable[..., Awaitable[str]]
UPLOADED, REJECTED = "media.uploaded.v1", "media.rejected.v1"


def picture() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG")
    return out.getvalue()


PHOTO = picture()


@pytest.mark.parametrize(
    ("content", "changes", "reason"),
    [
        (PHOTO[: len(PHOTO) // 2], {}, RejectReason.DAMAGED),
        (PHOTO + b"<script>alert(1)</script>", {}, RejectReason.HOSTILE),
        (b"%PDF-1.7", {}, RejectReason.TYPE_MISMATCH),
        (b"<svg><script>alert(1)</script></svg>", {"content_type": "image/png"}, RejectReason.TYPE_REFUSED),
    ],
)
async def test_a_file_that_is_refused_says_why_and_nothing_of_it_is_kept(
    content: bytes,
    changes: dict[str, Any],
    reason: RejectReason,
    upload: Upload,
    processing: ProcessingService,
    alice: Any,
    keys_of: KeysOf,
    told: Told,
    stores: Stores,
) -> None:
    media_id = await upload(content, **changes)

    await processing.process(media_id)

    answer = (await alice.ask("GET", f"media/{media_id}")).json()
    assert (answer["status"], answer["reason"], answer["variants"]) == ("rejected", reason, {})
    assert await keys_of(media_id) == set()
    assert await told(media_id) == [REJECTED, UPLOADED]
    assert await stores.quotas.get(alice.id) == (0, 0)


async def test_what_only_calls_itself_a_picture_is_nobodys_avatar(
    upload: Upload, processing: ProcessingService, alice: Any
) -> None:
    media_id = await upload(b"8BPS\0\1", content_type="image/vnd.adobe.photoshop", purpose="avatar")

    await processing.process(media_id)

    answer = (await alice.ask("GET", f"media/{media_id}")).json()
    assert (answer["status"], answer["reason"]) == ("rejected", "type_refused")


@pytest.mark.parametrize(
    ("arrived", "declared", "reason"),
    [
        (PHOTO, PHOTO + b"x", RejectReason.SIZE_MISMATCH),
        (PHOTO[:-1] + b"x", PHOTO, RejectReason.CHECKSUM_MISMATCH),
    ],
)
async def test_what_is_not_what_was_declared_is_refused(
    arrived: bytes,
    declared: bytes,
    reason: RejectReason,
    alice: Any,
    stores: Stores,
    processing: ProcessingService,
    services: Services,
) -> None:
    digest = hashlib.sha256(declared).hexdigest()
    announced = (await alice.announce(declared, content_type="image/jpeg", sha256=digest)).json()
    await stores.objects.write(incoming_key(announced["media_id"]), arrived, "image/jpeg")

    await processing.process(announced["media_id"])

    file = await services.states.get(announced["media_id"])
    assert file
    assert (file.status, file.reason) == ("rejected", reason)


class Says:
    """A scanner with one answer."""

    def __init__(self, verdict: Verdict | Exception) -> None:
        self._verdict = verdict

    async def scan(self, path: Path) -> Verdict:
        if isinstance(self._verdict, Exception):
            raise self._verdict
        return self._verdict


async def test_what_the_scanner_finds_is_refused(
    upload: Upload, make: Make, services: Services, keys_of: KeysOf
) -> None:
    media_id = await upload()

    await make(scanner=Says(Verdict.INFECTED)).process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.reason) == ("rejected", RejectReason.INFECTED)
    assert await keys_of(media_id) == set()


async def test_what_the_scanner_passes_is_clean(upload: Upload, make: Make, services: Services) -> None:
    media_id = await upload()

    await make(scanner=Says(Verdict.CLEAN)).process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.scan) == ("ready", "clean")


async def test_no_file_passes_a_scanner_that_is_away(upload: Upload, make: Make, services: Services) -> None:
    media_id = await upload()

    with pytest.raises(ScannerUnavailable):
        await make(scanner=Says(ScannerUnavailable("away"))).process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert file.status == "processing"


class Fails:
    """Examinations that end in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def examine(self, *_: Any) -> Any:
        raise self._error


async def test_what_fails_again_and_again_is_rejected(upload: Upload, make: Make, services: Services) -> None:
    media_id = await upload()
    failing = make(examinations=Fails(WorkLost("late")), attempts=2)
    for _ in range(2):
        with pytest.raises(WorkLost):
            await failing.process(media_id)

    await failing.process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.reason) == ("rejected", RejectReason.FAILED)


async def test_a_file_that_a_sandbox_made_a_link_is_not_taken(
    upload: Upload, make: Make, examinations: ExaminationService, services: Services, tmp_path: Path
) -> None:
    """A decoder that was taken over may name its files as it likes, but not have others of ours sent out."""
    secret = tmp_path / "secret"
    secret.write_text("ours")

    class Linking:
        async def examine(self, source: Path, folder: Path, declared: str) -> Any:
            found = await examinations.examine(source, folder, declared)
            (folder / "thumb.webp").unlink()
            (folder / "thumb.webp").symlink_to(secret)
            return found

    media_id = await upload()

    await make(examinations=Linking()).process(media_id)

    file = await services.states.get(media_id)
    assert file
    assert (file.status, file.reason) == ("rejected", RejectReason.HOSTILE)
