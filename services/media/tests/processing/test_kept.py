"""What a worker leaves of a file for those who fetch it, and the largest that it has room for."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pillow_heif
from PIL import Image

from media_service.examinations.service import ExaminationService
from media_service.processing.service import ProcessingService

pillow_heif.register_heif_opener()

Upload = Callable[..., Awaitable[str]]


async def test_what_is_saved_has_its_name(
    upload: Upload, processing: ProcessingService, alice: Any, bob: Any, s3: httpx.AsyncClient
) -> None:
    document = await upload(b"%PDF-1.7\n", content_type="application/pdf", filename="Übersicht 2024.pdf")
    picture = await upload(filename="sea.jpg", purpose="avatar")
    await processing.process(document)
    await processing.process(picture)

    async def served(reader: Any, media_id: str, variant: str) -> str:
        variants = (await reader.ask("GET", f"media/{media_id}")).json()["variants"]
        return (await s3.get(variants[variant]["url"])).headers["Content-Disposition"]

    assert await served(alice, document, "original") == "attachment; filename*=UTF-8''%C3%9Cbersicht%202024.pdf"
    assert await served(alice, picture, "original") == "inline; filename*=UTF-8''sea.jpg"
    assert await served(bob, picture, "original") == "inline; filename*=UTF-8''sea.jpeg"
    assert await served(bob, picture, "thumb") == "inline"


async def test_a_phones_largest_picture_fits_into_a_sandbox(examinations: ExaminationService, tmp_path: Path) -> None:
    source, folder = tmp_path / "a.heic", tmp_path / "made"
    folder.mkdir()
    whole = Image.new("RGB", (8064, 6048), "teal")
    whole.save(source, "HEIF", quality=10, enc_params={"preset": "ultrafast"})

    found = await examinations.examine(source, folder, "image/heic")

    assert (found.width, found.height, len(found.made)) == (8064, 6048, 4)
