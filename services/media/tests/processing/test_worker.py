"""The worker as it runs: S3 or the API tells of an upload, and the file is shown."""

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image

from media_service.settings import MediaSettings
from media_service.worker import create as create_worker
from servicekit.testing import client_of, eventually


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
async def worker(settings: MediaSettings) -> AsyncIterator[httpx.AsyncClient]:
    """A worker of the test's own."""
    async with client_of(create_worker(settings)) as client:
        yield client


async def shown(person: Any, media_id: str) -> dict[str, Any] | None:
    answer = await person.ask("GET", f"media/{media_id}")
    return answer.json() if answer.status_code == 200 else None


async def test_an_upload_is_shown_when_its_owner_says_that_it_is_complete(
    worker: httpx.AsyncClient, alice: Any, s3: httpx.AsyncClient
) -> None:
    media_id = await alice.upload(s3, picture())

    media = await eventually(lambda: shown(alice, media_id))

    assert (media["status"], media["width"], media["height"]) == ("ready", 64, 48)
    assert {"thumb", "small", "large", "original"} == set(media["variants"])
    thumb = await s3.get(media["variants"]["thumb"]["url"])
    assert (thumb.status_code, thumb.headers["content-type"]) == (200, "image/webp")


async def test_an_upload_is_shown_though_its_owner_went_away(
    worker: httpx.AsyncClient, alice: Any, s3: httpx.AsyncClient
) -> None:
    """S3 tells the queue by itself that an object has arrived."""
    content = picture()
    announced = (await alice.announce(content)).json()
    request = announced["upload"]
    await s3.request(request["method"], request["url"], content=content, headers=request["headers"])

    assert (await eventually(lambda: shown(alice, announced["media_id"])))["status"] == "ready"


async def test_a_crop_is_made(worker: httpx.AsyncClient, alice: Any, s3: httpx.AsyncClient) -> None:
    media_id = await alice.upload(s3, picture())
    await eventually(lambda: shown(alice, media_id))
    await alice.ask("POST", f"media/{media_id}/crop", {"x": 4, "y": 4, "width": 20, "height": 10})

    async def cropped() -> bool:
        media = await shown(alice, media_id)
        return any(
            (one["width"], one["height"]) == (20, 10) for one in (media or {"variants": {}})["variants"].values()
        )

    await eventually(cropped)
