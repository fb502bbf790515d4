"""The table's conditions, the sparse index, and pages."""

import asyncio
import time
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from notification_service.notifications.domain import of_message
from notification_service.notifications.errors import NotificationNotFound
from servicekit.dynamodb import from_item, to_item

BOB = "user-bob"


@pytest.fixture
def arrive(aws, repository, message_created):
    """Put a notification into bob's inbox, or several, a millisecond apart; gives their ids, oldest first."""

    async def insert(count=1):
        client = await aws.client("dynamodb")
        ids = []
        for number in range(count):
            event = message_created(BOB, seq=number)
            event = event.model_copy(update={"time": event.time + timedelta(milliseconds=number)})
            notification = of_message(event, BOB)
            await repository.insertion({BOB: notification}, event.id).commit(client)
            ids.append(notification.id)
        return ids

    return insert


@pytest.fixture
def row(aws, settings):
    """Read a row as it is stored."""

    async def read(notification_id):
        client = await aws.client("dynamodb")
        key = to_item({"user_id": BOB, "id": notification_id})
        answer = await client.get_item(TableName=settings.resource("notifications"), Key=key)
        return from_item(answer["Item"])

    return read


async def test_a_row_comes_back_as_it_was_put(aws, repository, message_created):
    event = message_created(BOB)
    notification = of_message(event, BOB)
    await repository.insertion({BOB: notification}, event.id).commit(await aws.client("dynamodb"))
    assert await repository.newest(BOB, None, 10) == ([notification], None)


async def test_an_insertion_never_replaces_a_row(aws, repository, message_created):
    event = message_created(BOB)
    work = repository.insertion({BOB: of_message(event, BOB)}, event.id)
    client = await aws.client("dynamodb")
    await work.commit(client)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        await work.commit(client)


async def test_pages_are_newest_first_and_join_without_gap_or_overlap(repository, arrive):
    ids = await arrive(7)
    found, before = [], None
    for _ in range(4):
        items, before = await repository.newest(BOB, before, 2)
        found += [item.id for item in items]
    assert before is None
    assert found == ids[::-1]


async def test_the_last_full_page_says_that_it_is_the_last(repository, arrive):
    await arrive(2)
    items, position = await repository.newest(BOB, None, 2)
    assert (len(items), position) == (2, None)


async def test_a_page_is_full_even_when_most_rows_before_it_are_deleted(repository, arrive):
    ids = await arrive(12)
    for notification_id in ids[3:]:
        await repository.delete(BOB, notification_id)
    items, position = await repository.newest(BOB, None, 2)
    assert [item.id for item in items] == [ids[2], ids[1]]
    assert position == ids[1]


async def test_what_is_read_leaves_the_index_and_what_is_unread_again_returns(repository, arrive, row):
    (notification_id,) = await arrive()
    assert await repository.count_unread(BOB) == 1
    assert (await repository.mark(BOB, notification_id, read=True)).read
    assert await repository.count_unread(BOB) == 0
    assert "unread_of" not in await row(notification_id)
    assert not (await repository.mark(BOB, notification_id, read=False)).read
    assert await repository.count_unread(BOB) == 1


async def test_unread_pages_hold_only_what_is_unread(repository, arrive):
    ids = await arrive(5)
    await repository.mark(BOB, ids[3], read=True)
    first, position = await repository.unread(BOB, None, 2)
    second, end = await repository.unread(BOB, position, 2)
    assert [item.id for item in first + second] == [ids[4], ids[2], ids[1], ids[0]]
    assert end is None


async def test_more_unread_than_a_batch_takes_come_on_one_page(repository, arrive):
    ids = await arrive(105)
    items, _ = await repository.unread(BOB, None, 200)
    assert [item.id for item in items] == ids[::-1]


async def test_a_deleted_row_is_hidden_at_once_and_expires_in_thirty_days(repository, arrive, row):
    (notification_id,) = await arrive()
    await repository.delete(BOB, notification_id)
    assert await repository.newest(BOB, None, 10) == ([], None)
    assert await repository.unread(BOB, None, 10) == ([], None)
    assert await repository.count_unread(BOB) == 0
    stored = await row(notification_id)
    assert stored["expires_at"] == pytest.approx(time.time() + 30 * 86400, abs=60)


async def test_a_deleted_row_can_be_neither_marked_nor_deleted_again(repository, arrive):
    (notification_id,) = await arrive()
    await repository.delete(BOB, notification_id)
    with pytest.raises(NotificationNotFound):
        await repository.mark(BOB, notification_id, read=False)
    with pytest.raises(NotificationNotFound):
        await repository.delete(BOB, notification_id)


async def test_marking_a_row_that_is_not_there_makes_none(repository, arrive):
    with pytest.raises(NotificationNotFound):
        await repository.mark(BOB, "0198c0de-0000-7000-8000-00000000dead", read=True)
    assert await repository.newest(BOB, None, 10) == ([], None)


async def test_reading_all_marks_all_and_spares_other_people(aws, repository, arrive, message_created):
    await arrive(40)
    event = message_created("user-carol")
    await repository.insertion({"user-carol": of_message(event, "user-carol")}, event.id).commit(
        await aws.client("dynamodb")
    )
    await repository.mark_all_read(BOB)
    assert await repository.count_unread(BOB) == 0
    assert await repository.count_unread("user-carol") == 1


async def test_reading_all_from_two_devices_at_once_is_harmless(repository, arrive):
    ids = await arrive(30)
    await asyncio.gather(
        repository.mark_all_read(BOB), repository.mark_all_read(BOB), *(repository.delete(BOB, one) for one in ids[:5])
    )
    assert await repository.count_unread(BOB) == 0
    items, _ = await repository.newest(BOB, None, 50)
    assert len(items) == 25
