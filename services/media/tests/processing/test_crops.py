"""Parts of pictures."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from media_service.dependencies import Services, Stores
from media_service.processing.service import ProcessingService

Fetch = Callable[[str], Awaitable[bytes]]


@pytest.fixture
async def shown_picture(alice: Any, s3: httpx.AsyncClient, processing: ProcessingService) -> str:
    """A picture of alice's that was uploaded lying on its side: upright it is 100 wide and 200 high, red on top."""
    upright = Image.new("RGB", (100, 200), "blue")
    upright.paste("red", (0, 0, 100, 100))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "PNG", exif=exif)
    media_id: str = await alice.upload(s3, out.getvalue())
    await processing.process(media_id)
    return media_id


async def asked_for(alice: Any, services: Services, media_id: str, **box: int) -> str:
    answer = await alice.ask("POST", f"media/{media_id}/crop", box)
    assert answer.status_code in (200, 202), answer.text
    file = await services.states.get(media_id)
    assert file
    return next(name for name, crop in file.crops.items() if crop.model_dump() == box)


async def test_a_part_is_cut_out_of_the_upright_picture(
    shown_picture: str, alice: Any, services: Services, processing: ProcessingService, fetch: Fetch
) -> None:
    name = await asked_for(alice, services, shown_picture, x=10, y=90, width=50, height=60)

    await processing.crop(shown_picture, name)

    file = await services.states.get(shown_picture)
    assert file
    made = file.variants[name]
    assert (made.width, made.height, made.content_type) == (50, 60, "image/webp")
    with Image.open(io.BytesIO(await fetch(made.key))) as image:
        red, blue = image.convert("RGB").getpixel((25, 3)), image.convert("RGB").getpixel((25, 40))
    assert red[0] > 200 > 60 > red[2]
    assert blue[2] > 200 > 60 > blue[0]


async def test_the_same_wish_twice_is_one_variant(
    shown_picture: str, alice: Any, services: Services, processing: ProcessingService
) -> None:
    name = await asked_for(alice, services, shown_picture, x=0, y=0, width=20, height=20)
    await processing.crop(shown_picture, name)
    before = await services.states.get(shown_picture)

    await processing.crop(shown_picture, name)

    assert await services.states.get(shown_picture) == before


async def test_a_part_that_nobody_wants_any_more_is_not_cut(
    shown_picture: str, services: Services, processing: ProcessingService, stores: Stores
) -> None:
    before = await stores.objects.keys("")

    await processing.crop(shown_picture, "crop-nobody-asked-for")

    assert await stores.objects.keys("") == before


async def test_what_lies_outside_of_the_picture_is_passed_over(
    shown_picture: str, services: Services, stores: Stores, processing: ProcessingService
) -> None:
    """The API refuses such a wish; one that came in another way must not be tried for ever."""
    crops = {"far": {"x": 90, "y": 0, "width": 50, "height": 20}}
    assert await stores.files.evolve(shown_picture, lambda file, work: {"crops": crops})

    await processing.crop(shown_picture, "far")

    file = await services.states.get(shown_picture)
    assert file
    assert "far" not in file.variants
