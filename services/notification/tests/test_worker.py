"""The worker from end to end: SNS to SQS to the inbox and the socket, with everything that goes wrong on the way."""

import asyncio
from pathlib import Path

import pytest

from localcloud.provision import connect, provision
from notification_service.consumers import handlers
from notification_service.main import create as create_api
from notification_service.notifications.domain import of_message
from notification_service.notifications.service import DeliveryService
from notification_service.worker import create
from servicekit.aws import Aws
from servicekit.dynamodb import from_item, to_item
from servicekit.fanout import FanoutPublisher
from servicekit.inbox import Consumer, DynamoLedger
from servicekit.sns import Publisher
from servicekit.testing import PREFIX, REGION, client_of, eventually

SERVICES = Path(__file__).parents[2]


@pytest.fixture
async def publish(aws, settings):
    """Publish as chat's relay does."""
    publisher = Publisher(await aws.client("sns"), settings.topic_arn("events", "chat"))

    async def events(*published):
        await publisher.publish(published)

    return events


@pytest.fixture
async def queue(aws, settings):
    """Send a raw body to the inbox, and count what a queue holds: waiting and hidden."""
    sqs = await aws.client("sqs")

    class Queue:
        async def send(self, body):
            url = await sqs.get_queue_url(QueueName=settings.resource("inbox"))
            await sqs.send_message(QueueUrl=url["QueueUrl"], MessageBody=body)

        async def count(self, name):
            url = await sqs.get_queue_url(QueueName=settings.resource(name))
            counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            answer = await sqs.get_queue_attributes(QueueUrl=url["QueueUrl"], AttributeNames=counts)
            return sum(int(answer["Attributes"][name]) for name in counts)

    return Queue()


@pytest.fixture
def inbox(repository, bob):
    """Read bob's inbox, oldest first, once it holds at least as many as expected."""

    async def read(at_least):
        async def found():
            items, _ = await repository.newest(f"user-{bob}", None, 200)
            return items[::-1] if len(items) >= at_least else None

        return await eventually(found)

    return read


@pytest.fixture
def ledger_entries(aws, settings):
    """The ids in the ledger."""

    async def read():
        client = await aws.client("dynamodb")
        answer = await client.scan(TableName=settings.resource("ledger"), ConsistentRead=True)
        return sorted(from_item(item)["event_id"] for item in answer["Items"])

    return read


async def test_a_published_message_becomes_a_row_and_a_push(settings, publish, message_created, inbox, socket, bob):
    event = message_created(f"user-{bob}")
    async with client_of(create(settings)) as worker:
        await eventually(lambda: is_ready(worker))
        await publish(event)
        expected = of_message(event, f"user-{bob}")
        assert await inbox(at_least=1) == [expected]
        assert await socket() == [{"op": "notification", "d": expected.model_dump(mode="json")}]


async def test_the_worker_leaves_other_events_to_others(
    settings, publish, message_created, queue, inbox, ledger_entries, bob
):
    event = message_created(f"user-{bob}")
    other = event.model_copy(update={"id": "other", "type": "chat.member.joined.v1"})
    await publish(other, event)
    async with client_of(create(settings)):
        await inbox(at_least=1)
    assert await ledger_entries() == [event.id]
    assert await queue.count("inbox-dlq") == 0


async def test_an_event_that_comes_many_times_at_once_makes_one_row_one_entry_and_one_push(
    settings, publish, message_created, queue, inbox, ledger_entries, socket, bob
):
    event = message_created(f"user-{bob}")
    last = message_created(f"user-{bob}", text="last")
    await publish(*[event] * 12)
    async with client_of(create(settings)), client_of(create(settings)):
        await eventually(lambda: is_empty(queue))
        await publish(last)
        found = await inbox(at_least=2)
        bodies = [(await socket())[0]["d"]["body"] for _ in range(2)]
    assert sorted(item.body for item in found) == ["hello", "last"]
    assert await ledger_entries() == sorted([event.id, last.id])
    assert bodies == ["hello", "last"]


async def is_ready(worker):
    return (await worker.get("/readyz")).status_code == 200


async def is_empty(queue):
    return await queue.count("inbox") == 0


async def test_poison_goes_to_the_dead_letter_queue_while_good_events_pass(
    settings, publish, message_created, queue, inbox, bob
):
    for body in ("no json", '{"type": "chat.message.created.v1"}', '{"type": "unheard.of.v1"}'):
        await queue.send(body)
    await publish(*(message_created(f"user-{bob}", seq=seq) for seq in range(5)))
    async with client_of(create(settings)):
        assert len(await inbox(at_least=5)) == 5

        async def dead():
            return await queue.count("inbox-dlq") == 3 and await queue.count("inbox") == 0

        await eventually(dead)


async def test_an_event_whose_handler_was_killed_between_row_and_deletion_is_told_once(
    aws, settings, repository, publish, message_created, queue, inbox, ledger_entries, bob
):
    """The first worker dies after the commit and before it could push or delete the message."""
    committed = asyncio.Event()

    class Hanging(FanoutPublisher):
        async def publish(self, publications):
            committed.set()
            await asyncio.Event().wait()

    ledger = DynamoLedger(await aws.client("dynamodb"), settings.resource("ledger"))
    dying = Consumer(
        sqs=await aws.client("sqs"),
        queue=settings.resource("inbox"),
        handlers=handlers(DeliveryService(repository, ledger, Hanging(None), PREFIX)),
        visibility_seconds=1,
    )
    event = message_created(f"user-{bob}")
    await publish(event)
    task = asyncio.create_task(dying.run(asyncio.Event()))
    await committed.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async with client_of(create(settings)):
        await eventually(lambda: is_empty(queue))
    assert len(await inbox(at_least=1)) == 1
    assert await ledger_entries() == [event.id]


async def test_a_worker_that_drains_finishes_what_it_has_begun(
    settings, publish, message_created, queue, repository, ledger_entries
):
    people = [f"user-{number}" for number in range(450)]
    event = message_created(*people)
    await publish(event)
    async with client_of(create(settings)):
        await eventually(ledger_entries)
    assert len(await ledger_entries()) == 5
    assert await repository.count_unread(people[-1]) == 1
    assert await queue.count("inbox") == 0


async def test_worker_and_api_need_no_more_than_the_policy_gives(
    aws_account, emulator_url, settings, publish, message_created, callers, inbox, queue, bob, monkeypatch
):
    clients = connect(emulator_url, aws_account, "test", REGION)
    folders = [SERVICES / "gateway", SERVICES / "notification"]
    key = provision(clients, folders, PREFIX, account_id=aws_account, identities={}).identities["notification"]
    await queue.send("poison")
    await publish(*(message_created(f"user-{bob}", seq=seq) for seq in range(3)))
    headers = await callers.user(bob)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    async with client_of(create(settings)), client_of(create_api(settings), **headers) as api:
        first, second, _ = await inbox(at_least=3)
        await eventually(lambda: has_dead(queue))
        answers = [
            await api.get("/v1/notifications", params={"limit": 1}),
            await api.get("/v1/notifications", params={"unread": True}),
            await api.get("/v1/notifications/unread-count"),
            await api.patch(f"/v1/notifications/{first.id}", json={"read": True}),
            await api.delete(f"/v1/notifications/{second.id}"),
            await api.post("/v1/notifications/read-all"),
            await api.get("/readyz"),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 204, 204, 200]


async def has_dead(queue):
    return await queue.count("inbox-dlq") == 1


async def test_the_policy_gives_nothing_of_anybody_else(aws_account, emulator_url, settings, monkeypatch):
    clients = connect(emulator_url, aws_account, "test", REGION)
    folders = [SERVICES / "gateway", SERVICES / "notification"]
    key = provision(clients, folders, PREFIX, account_id=aws_account, identities={}).identities["notification"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    async with Aws(REGION) as own:
        secrets, dynamodb = await own.client("secretsmanager"), await own.client("dynamodb")
        with pytest.raises(secrets.exceptions.ClientError, match="AccessDenied"):
            await secrets.get_secret_value(SecretId=f"{PREFIX}-gateway-identity-private")
        with pytest.raises(dynamodb.exceptions.ClientError, match="AccessDenied"):
            await dynamodb.get_item(TableName=settings.resource("ledger"), Key=to_item({"event_id": "any"}))


async def test_the_worker_works_without_valkey(settings, publish, message_created, inbox, bob):
    await publish(message_created(f"user-{bob}"))
    async with client_of(create(settings.model_copy(update={"valkey_url": "redis://127.0.0.1:1/0"}))):
        assert len(await inbox(at_least=1)) == 1
