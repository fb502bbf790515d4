"""Delivery: once into each inbox, and then onto the sockets."""

import pytest

from notification_service.notifications.domain import CHUNK, of_message
from notification_service.notifications.service import DeliveryService
from servicekit.fanout import FanoutPublisher
from servicekit.inbox import DynamoLedger
from servicekit.testing import PREFIX


@pytest.fixture
async def delivery(aws, repository, settings, valkey):
    ledger = DynamoLedger(await aws.client("dynamodb"), settings.resource("ledger"))
    return DeliveryService(repository, ledger, FanoutPublisher(valkey), PREFIX)


async def test_a_message_reaches_the_inbox_and_the_socket(delivery, repository, message_created, socket, bob):
    event = message_created(f"user-{bob}")
    await delivery.message_created(event)
    expected = of_message(event, f"user-{bob}")
    assert await repository.newest(f"user-{bob}", None, 10) == ([expected], None)
    assert await socket() == [{"op": "notification", "d": expected.model_dump(mode="json")}]


async def test_a_replayed_event_pushes_nothing(delivery, repository, message_created, socket, bob):
    event, later = message_created(f"user-{bob}"), message_created(f"user-{bob}", text="later")
    for one in (event, event, later):
        await delivery.message_created(one)
    bodies = [(await socket())[0]["d"]["body"] for _ in range(2)]
    assert bodies == ["hello", "later"]
    assert len((await repository.newest(f"user-{bob}", None, 10))[0]) == 2


async def test_a_replayed_event_does_not_undo_that_it_was_read(delivery, repository, message_created):
    event = message_created("user-bob")
    await delivery.message_created(event)
    (notification,), _ = await repository.newest("user-bob", None, 10)
    await repository.mark("user-bob", notification.id, read=True)
    await delivery.message_created(event)
    assert await repository.count_unread("user-bob") == 0


async def test_a_big_group_is_told_though_an_earlier_try_broke_off_between_chunks(
    aws, delivery, repository, message_created
):
    people = [f"user-{number}" for number in range(CHUNK + 20)]
    event = message_created(*people)
    first = event.model_copy(update={"data": event.data.model_copy(update={"recipients": people[:CHUNK]})})
    await delivery.message_created(first)
    await delivery.message_created(event)
    counts = [await repository.count_unread(user) for user in (people[0], people[CHUNK - 1], people[CHUNK], people[-1])]
    assert counts == [1, 1, 1, 1]


async def test_a_notification_is_kept_while_valkey_is_away(aws, repository, settings, absent_valkey, message_created):
    ledger = DynamoLedger(await aws.client("dynamodb"), settings.resource("ledger"))
    delivery = DeliveryService(repository, ledger, FanoutPublisher(absent_valkey), PREFIX)
    await delivery.message_created(message_created("user-bob"))
    assert await repository.count_unread("user-bob") == 1
