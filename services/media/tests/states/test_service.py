"""States change once, with what follows from them, whatever comes twice, late or at the same time."""

import asyncio
import hashlib

import pytest

from media_service.files.models import Facts, StoredVariant
from messenger_contracts.media import RejectReason

CONTENT = b"what a picture is made of"
THUMB = StoredVariant(key="variants/x/thumb.webp", content_type="image/webp", size=1, width=4, height=3)
FACTS = Facts(
    kind="image",
    content_type="image/png",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    width=4,
    height=3,
    variants={"thumb": THUMB},
)


@pytest.fixture
def states(services):
    return services.states


async def usage(person) -> tuple[int, int]:
    told = (await person.ask("GET", "media/usage")).json()
    return told["used"], told["reserved"]


async def test_a_file_is_brought_to_its_end_once(alice, s3, states) -> None:
    media_id = await alice.upload(s3)
    assert (await states.begin(media_id)).attempts == 1
    assert (await states.begin(media_id)).attempts == 2

    outcomes = await asyncio.gather(
        *(states.ready(media_id, FACTS) for _ in range(4)),
        *(states.reject(media_id, RejectReason.HOSTILE) for _ in range(4)),
    )

    assert outcomes.count(True) == 1
    ended = (await states.get(media_id)).status
    assert await usage(alice) == ((len(CONTENT), 0) if ended == "ready" else (0, 0))
    assert await states.begin(media_id) is None
    assert not await states.ready(media_id, FACTS)


async def test_an_upload_is_announced_once(alice, states) -> None:
    media_id = (await alice.announce()).json()["media_id"]

    outcomes = await asyncio.gather(*(states.uploaded(media_id) for _ in range(5)))

    assert sum(outcome is not None for outcome in outcomes) == 1


async def test_a_label_given_meanwhile_does_not_stand_in_the_way(alice, s3, states) -> None:
    media_id = await alice.upload(s3)
    await states.begin(media_id)
    await alice.ask("PATCH", f"media/{media_id}", {"caption": "soon"})

    assert await states.ready(media_id, FACTS)
    assert (await alice.ask("GET", f"media/{media_id}")).json()["caption"] == "soon"


async def test_what_was_deleted_meanwhile_is_not_shown(alice, s3, states) -> None:
    media_id = await alice.upload(s3)
    await states.begin(media_id)
    await alice.ask("DELETE", f"media/{media_id}")

    assert not await states.ready(media_id, FACTS)
    assert not await states.reject(media_id, RejectReason.DAMAGED)
    assert await states.begin(media_id) is None
    assert await usage(alice) == (len(CONTENT), len(CONTENT)), "it counts until it is purged"


async def test_a_file_that_comes_back_is_processed_after_all(alice, s3, states, stores) -> None:
    media_id = await alice.upload(s3)
    await states.begin(media_id)
    await alice.ask("DELETE", f"media/{media_id}")
    await alice.ask("POST", f"media/{media_id}/restore")

    assert await states.begin(media_id)
    assert await states.ready(media_id, FACTS)


async def test_nobody_processes_what_nobody_knows(states) -> None:
    assert await states.begin("0198c0de-0000-7000-8000-00000000dead") is None
    assert not await states.ready("0198c0de-0000-7000-8000-00000000dead", FACTS)
