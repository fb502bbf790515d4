"""A person is forgotten in the own inbox and in those of others, and nobody else is."""

from uuid import uuid4

import pytest

from messenger_contracts.identity import service
from notification_service.erasures.repository import ErasureRepository
from notification_service.erasures.service import ErasureService
from notification_service.notifications.domain import chunks


@pytest.fixture
async def eraser(aws, settings):
    """What erases."""
    return ErasureService(ErasureRepository(await aws.client("dynamodb"), settings.resource("notifications")))


@pytest.fixture
async def notify(aws, repository, message_created):
    """Tells people of a message of somebody's."""
    client = await aws.client("dynamodb")

    async def tell(author, *recipients):
        event = message_created(*recipients, event_id=str(uuid4()))
        actor = event.data.actor.model_copy(update={"user_id": author, "username": author})
        event = event.model_copy(update={"data": event.data.model_copy(update={"actor": actor})})
        for chunk in chunks(event):
            await repository.insertion(chunk.notifications, event.id).commit(client)

    return tell


@pytest.fixture
async def left(api, callers):
    """Asks what is left of a person, as auth does."""
    headers = await callers.headers(service("auth"))

    async def ask(user_id):
        answer = await api.get(f"/internal/erasures/{user_id}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["left"]

    return ask


async def test_nothing_is_left_in_any_inbox(eraser, notify, left):
    for _ in range(3):
        await notify("ann", "ben", "cleo")
        await notify("ben", "ann", "cleo")
    assert await left("ann") == {"notifications": 3, "notifications of others": 6}
    await eraser.erase("ann")
    assert await left("ann") == {}


async def test_what_others_told_others_stays(eraser, notify, left, repository):
    await notify("ben", "ann", "cleo")
    await notify("ann", "cleo")
    await eraser.erase("ann")
    items, _ = await repository.newest("cleo", None, 10)
    assert [item.actor for item in items] == ["ben"]


async def test_to_erase_again_and_to_erase_nobody_is_harmless(eraser, left):
    for _ in range(2):
        await eraser.erase("nobody")
    assert await left("nobody") == {}


async def test_more_than_a_batch_goes(eraser, notify, left):
    for _ in range(7):
        await notify("ann", *(f"reader-{number}" for number in range(80)))
    assert await left("ann") == {"notifications of others": 560}
    await eraser.erase("ann")
    assert await left("ann") == {}


async def test_the_copy_is_the_inbox_in_pages_of_any_size(api, callers, notify):
    headers = await callers.headers(service("auth"))
    for _ in range(5):
        await notify("ben", "ann", "cleo")

    async def copy(limit):
        records, cursor = [], None
        while True:
            params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = (await api.get("/internal/exports/ann", params=params, headers=headers)).json()
            records += page["items"]
            cursor = page["next"]
            if cursor is None:
                return records

    whole = await copy(100)
    assert len(whole) == 5
    assert {record["kind"] for record in whole} == {"notifications"}
    assert [await copy(size) for size in (1, 2, 5)] == [whole] * 3


@pytest.mark.parametrize("path", ["/internal/erasures/user-x", "/internal/exports/user-x"])
async def test_a_person_may_not_ask(api, path):
    assert (await api.get(path)).status_code == 403
