"""What becomes of a file is pushed to its owner's sockets, and to nobody else's."""

import pytest

from media_service.announcements.service import AnnouncementService
from media_service.dependencies import make_services
from messenger_contracts.media import RejectReason
from messenger_contracts.realtime import user_channel
from servicekit.fanout import FanoutPublisher, read_publication
from servicekit.testing import PREFIX, eventually


@pytest.fixture
async def told(valkey):
    """What was pushed to a person of a file so far."""
    heard: list[dict] = []
    async with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(user_channel(PREFIX, "user-alice"))

        async def of(media_id: str, count: int) -> list[dict]:
            async def enough() -> bool:
                while message := await pubsub.get_message(timeout=0.01):
                    heard.extend(read_publication(message["data"]).pushes)
                return len([each for each in heard if each["d"]["id"] == media_id]) >= count

            await eventually(enough)
            assert {each["op"] for each in heard} == {"media"}
            return [each["d"] for each in heard if each["d"]["id"] == media_id]

        yield of


async def test_the_owner_is_told_every_state(alice, s3, show, told) -> None:
    media_id = await alice.upload(s3)

    await show(media_id)

    processing, ready = await told(media_id, 2)
    assert (processing["status"], processing["variants"]) == ("processing", {})
    assert ready == (await alice.ask("GET", f"media/{media_id}")).json()
    assert (await s3.get(ready["variants"]["thumb"]["url"])).status_code == 200


async def test_a_rejection_comes_with_its_reason(alice, s3, services, told) -> None:
    media_id = await alice.upload(s3)
    for _ in range(2):
        await services.states.begin(media_id)
    assert await services.states.reject(media_id, RejectReason.DAMAGED)
    assert not await services.states.reject(media_id, RejectReason.HOSTILE)

    states = await told(media_id, 2)

    assert [(each["status"], each["reason"]) for each in states] == [("processing", None), ("rejected", "damaged")]


class Undescribed:
    """Cannot describe files: its signer is away."""

    async def describe(self, *_: object) -> None:
        raise OSError("no credentials")


async def test_a_failure_to_tell_is_no_failure_to_change(alice, s3, stores, settings, valkey) -> None:
    media_id = await alice.upload(s3)
    announcements = AnnouncementService(Undescribed(), FanoutPublisher(valkey), PREFIX)
    states = make_services(settings, stores, announcements).states
    assert (await states.begin(media_id)).status == "processing"
    assert await states.reject(media_id, RejectReason.DAMAGED)
