"""What other services tell chat, from their topic to what it leads to: as the worker runs it, and with its rights."""

from uuid import uuid4

import pytest

from chat_service.worker import create
from localcloud.provision import connect, provision
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from servicekit.sns import Publisher
from servicekit.testing import PREFIX, REGION, client_of, eventually


@pytest.fixture
async def publish(aws, settings):
    """Publish as social-graph does; its topic is there before it is."""
    publisher = Publisher(await aws.client("sns"), settings.topic_arn("events", "social-graph"))

    async def events(*published):
        await publisher.publish(published)

    return events


@pytest.fixture
def ledger(sql):
    """The ids of the events that have taken effect."""

    async def read():
        return sorted(row["event_id"] for row in await sql("SELECT event_id FROM inbox_ledger"))

    return read


async def status_of_send(person, conversation, expected):
    async def has_it():
        return (await person.send(conversation, uuid4())).status_code == expected

    return await eventually(has_it)


async def test_a_block_and_its_end_take_effect(talk, blocks, publish, settings) -> None:
    ada, bob, conversation = talk
    async with client_of(create(settings)):
        await publish(blocks.event(UserBlocked, ada, bob))
        assert await status_of_send(bob, conversation, 403)
        await publish(blocks.event(UserUnblocked, ada, bob))
        assert await status_of_send(bob, conversation, 201)


async def test_events_that_come_many_times_take_effect_once(people, blocks, publish, ledger, settings) -> None:
    ada, bob = await people("ada", "bob")
    events = [blocks.event(kind, ada, bob) for kind in (UserBlocked, UserUnblocked, UserBlocked)]
    await publish(*events * 4)

    async def all_of_them():
        return await ledger() == sorted(event.id for event in events)

    async with client_of(create(settings)), client_of(create(settings)):
        await eventually(all_of_them)
    conversation = await ada.begin(bob)
    assert conversation.status_code == 403


async def test_the_worker_needs_no_more_than_the_policy_gives(
    aws_account, emulator_url, people, blocks, publish, ledger, settings, service_dir, monkeypatch
) -> None:
    clients = connect(emulator_url, aws_account, "test", REGION)
    folders = [service_dir.parent / "gateway", service_dir]
    key = provision(clients, folders, PREFIX, account_id=aws_account, identities={}).identities["chat"]
    ada, bob = await people("ada", "bob")
    await publish(blocks.event(UserBlocked, ada, bob))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    sqs = clients("sqs")
    url = sqs.get_queue_url(QueueName=settings.resource("blocks"))["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    async def taken_and_deleted():
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return await ledger() and {counts[name] for name in names} == {"0"}

    async with client_of(create(settings)):
        await eventually(taken_and_deleted)
