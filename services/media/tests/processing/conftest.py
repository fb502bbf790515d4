"""Processing on real stores, in sandboxes, with files that people uploaded."""

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from media_service.dependencies import Services, Stores
from media_service.examinations.service import EXAMINER, ExaminationService, ffmpeg_at
from media_service.pictures.domain import PictureLimits
from media_service.processing.service import ProcessingService
from media_service.sandboxes.limits import Limits
from media_service.sandboxes.service import SandboxService
from media_service.scanners.service import NoScanner
from media_service.settings import MediaSettings
from servicekit.dynamodb import from_item

Make = Callable[..., ProcessingService]


@pytest.fixture
async def examinations() -> AsyncIterator[ExaminationService]:
    """Examinations as a worker makes them."""
    async with SandboxService(EXAMINER, Limits(), 2) as sandboxes:
        yield ExaminationService(sandboxes, PictureLimits(), ffmpeg_at("ffmpeg"))


@pytest.fixture
def make(services: Services, stores: Stores, examinations: ExaminationService, tmp_path: Path) -> Make:
    """Make a worker's processing; each collaborator can be another."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def make_processing(**others: Any) -> ProcessingService:
        parts = {
            "files": services.states,
            "objects": stores.objects,
            "scanner": NoScanner(),
            "examinations": examinations,
            "attempts": 8,
            "at_once": 2,
            "scratch": scratch,
        }
        return ProcessingService(**(parts | others))

    return make_processing


@pytest.fixture
def processing(make: Make) -> ProcessingService:
    """A worker's processing."""
    return make()


@pytest.fixture
def keys_of(stores: Stores) -> Callable[[str], Awaitable[set[str]]]:
    """The keys of all objects of a file, less its id."""

    async def keys(media_id: str) -> set[str]:
        return {key.replace(media_id, "*") for key in await stores.objects.keys("") if media_id in key}

    return keys


@pytest.fixture
def told(stores: Stores, settings: MediaSettings) -> Callable[[str], Awaitable[list[str]]]:
    """The types of the events about a file that wait to be published."""

    async def types(media_id: str) -> list[str]:
        rows = await stores.dynamodb.scan(TableName=settings.resource("outbox"))
        events = [json.loads(row["event"]) for row in map(from_item, rows["Items"]) if "event" in row]
        return sorted(event["type"] for event in events if event["subject"] == media_id)

    return types


@pytest.fixture
def fetch(stores: Stores) -> Callable[[str], Awaitable[bytes]]:
    """The bytes of an object."""

    async def get(key: str) -> bytes:
        head = await stores.objects.head(key)
        assert head, key
        return b"".join([piece async for piece in stores.objects.read(key, etag=head.etag)])

    return get


def photo(width: int = 320, height: int = 200) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "N 52 31 12 E 13 24 18"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture
def upload(alice: Any, s3: httpx.AsyncClient) -> Callable[..., Awaitable[str]]:
    """Have alice upload a photo, or whatever else is given."""

    async def send(content: bytes = b"", **changes: Any) -> str:
        return await alice.upload(
            s3, content or photo(), **({"content_type": "image/jpeg", "filename": "a.jpg"} | changes)
        )

    return send
