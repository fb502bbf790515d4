"""Whatever goes while a worker is at it, the worker takes away what it has made of it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from media_service.dependencies import Services, Stores
from media_service.files.domain import incoming_key, variant_key
from media_service.processing.service import ProcessingService
from media_service.scanners.service import Verdict
from media_service.worker import make_erasures

KeysOf = Callable[[str], Awaitable[set[str]]]
Make = Callable[..., ProcessingService]
Upload = Callable[..., Awaitable[str]]


class Meanwhile:
    """A scanner that takes as long as something else."""

    def __init__(self, happens: Callable[[], Awaitable[Any]]) -> None:
        self._happens = happens

    async def scan(self, path: Path) -> Verdict:
        await self._happens()
        return Verdict.CLEAN


async def test_nothing_is_left_of_a_file_whose_owner_is_erased_meanwhile(
    upload: Upload, make: Make, stores: Stores, services: Services, keys_of: KeysOf
) -> None:
    """What comes after the purge has looked, from the worker or by the request that is still good, goes too."""
    media_id = await upload()
    head = await stores.objects.head(incoming_key(media_id))
    assert head
    content = b"".join([piece async for piece in stores.objects.read(incoming_key(media_id), etag=head.etag)])

    async def erase() -> None:
        await make_erasures(stores, services).erase("user-alice")
        await stores.objects.write(incoming_key(media_id), content, "image/jpeg")

    await make(scanner=Meanwhile(erase)).process(media_id)

    assert await services.states.get(media_id) is None
    assert await keys_of(media_id) == set()


async def test_of_a_file_that_was_deleted_meanwhile_only_what_was_uploaded_stays(
    upload: Upload, make: Make, alice: Any, keys_of: KeysOf
) -> None:
    """It is processed anew if its owner restores it."""
    media_id = await upload()

    await make(scanner=Meanwhile(lambda: alice.ask("DELETE", f"media/{media_id}"))).process(media_id)

    assert await keys_of(media_id) == {"incoming/*"}


async def test_bytes_that_come_after_their_record_went_are_removed(
    processing: ProcessingService, stores: Stores, keys_of: KeysOf
) -> None:
    await stores.objects.write(incoming_key("gone"), b"late", "image/jpeg")

    await processing.process("gone")

    assert await keys_of("gone") == set()


async def test_a_crop_of_a_file_that_was_purged_is_removed_though_its_worker_died(
    processing: ProcessingService, stores: Stores, keys_of: KeysOf
) -> None:
    await stores.objects.write(variant_key("gone", "crop-0-0-9x9", "webp"), b"a crop", "image/webp")

    await processing.crop("gone", "crop-0-0-9x9")

    assert await keys_of("gone") == set()
