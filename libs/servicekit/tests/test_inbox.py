"""The consumer and its ledger on a real queue: once, in any order, and through every way of dying."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from messenger_contracts.commands import Actor
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.chat import MemberJoined, MessageCreated
from servicekit.dynamodb import Transaction
from servicekit.inbox import Consumer, DynamoLedger, parse_event
from servicekit.sns import Publisher
from servicekit.telemetry import current_trace_id
from servicekit.testing import PREFIX, REGION, eventually

QUEUE, DEAD = f"{PREFIX}-probe-inbox", f"{PREFIX}-probe-inbox-dlq"
LEDGER, EFFECTS = f"{PREFIX}-probe-ledger", f"{PREFIX}-probe-effects"
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def probe(declare):
    """A topic, a queue that hears it, a ledger, and a table of effects."""
    heard = {"service": "probe", "topic": "events", "types": [MemberJoined.TYPE]}
    declare(
        topics={"events": {}},
        queues={"inbox": {"subscriptions": [heard]}},
        tables={"ledger": {"hash_key": {"name": "event_id"}}, "effects": {"hash_key": {"name": "id"}}},
    )


@pytest.fixture
async def sqs(aws, probe):
    """The SDK's client of the queues."""
    return await aws.client("sqs")


@pytest.fixture
async def dynamodb(aws, probe):
    """The SDK's client of the tables."""
    return await aws.client("dynamodb")


@pytest.fixture
async def publish(aws, probe, aws_account):
    """Publish to the topic that the queue hears."""
    publisher = Publisher(await aws.client("sns"), f"arn:aws:sns:{REGION}:{aws_account}:{PREFIX}-probe-events")

    async def events(*published):
        await publisher.publish(published)

    return events


@pytest.fixture
def count(sqs):
    """Count what a queue holds, waiting or hidden."""

    async def messages(queue=QUEUE):
        url = (await sqs.get_queue_url(QueueName=queue))["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    return messages


def joined(subject="conversation", traceparent=None):
    return Event[MemberJoined](
        id=str(uuid4()),
        source="probe",
        type=MemberJoined.TYPE,
        time=NOW,
        subject=subject,
        dataschema=schema_uri(MemberJoined.TYPE),
        traceparent=traceparent,
        data=MemberJoined(
            conversation_id=subject,
            seq=1,
            actor=Actor(user_id="user-alice", username="alice"),
            user_id="user-bob",
            role="member",
        ),
    )


def consumer(sqs, handler, **settings):
    settings = {"retry_seconds": (0,)} | settings
    return Consumer(sqs=sqs, queue=QUEUE, handlers={MemberJoined: handler}, **settings)


@asynccontextmanager
async def running(*consumers):
    """Run consumers, and drain them at the end."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for one in consumers:
            group.create_task(one.run(stopping))
        yield stopping
        stopping.set()


class Journal:
    """A handler that remembers what it was given."""

    def __init__(self):
        self.subjects = Counter()

    async def __call__(self, event):
        self.subjects[event.subject] += 1


class Gate(Journal):
    """A handler that begins, and goes on when it is let."""

    def __init__(self):
        super().__init__()
        self.begun, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, event):
        await super().__call__(event)
        self.begun.set()
        await self.open.wait()


class Watched:
    """The client of a queue, with its calls counted and some of them failing."""

    def __init__(self, sqs, failing=()):
        self._sqs = sqs
        self._failing = set(failing)
        self.calls = Counter()

    def __getattr__(self, name):
        async def call(**request):
            self.calls[name] += 1
            if name in self._failing:
                raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, name)
            return await getattr(self._sqs, name)(**request)

        return call


def empty(count):
    async def check():
        return await count() == 0

    return check


async def test_a_handled_event_leaves_the_queue(sqs, publish, count):
    journal = Journal()
    await publish(*(joined(str(number)) for number in range(25)))
    async with running(consumer(sqs, journal)):
        await eventually(empty(count))
    assert journal.subjects == {str(number): 1 for number in range(25)}
    assert await count(DEAD) == 0


async def test_an_event_that_comes_many_times_at_once_takes_effect_once(sqs, dynamodb, publish, count):
    ledger, outcomes = DynamoLedger(dynamodb, LEDGER), []

    async def handler(event):
        work = Transaction()
        work.put_new(EFFECTS, {"id": str(uuid4())}, "id")
        outcomes.append(await ledger.once(event.id, work))

    event = joined()
    await publish(*[event] * 20)
    async with running(consumer(sqs, handler), consumer(sqs, handler)):
        await eventually(empty(count))
    assert outcomes.count(True) == 1
    counts = [(await dynamodb.scan(TableName=table, Select="COUNT"))["Count"] for table in (LEDGER, EFFECTS)]
    assert counts == [1, 1]


async def test_a_failure_is_tried_again_until_it_succeeds(sqs, publish, count):
    journal = Journal()

    async def handler(event):
        await journal(event)
        if journal.subjects[event.subject] < 3:
            raise ConnectionError("the store is away")

    await publish(joined("stubborn"))
    async with running(consumer(sqs, handler)):
        await eventually(empty(count))
    assert journal.subjects == {"stubborn": 3}
    assert await count(DEAD) == 0


async def test_poison_is_dead_after_five_tries_while_good_events_pass(sqs, publish, count):
    journal = Journal()

    async def handler(event):
        await journal(event)
        if event.subject == "poison":
            raise ValueError("cannot be digested")

    async def dead():
        return await count() == 0 and await count(DEAD) == 1

    await publish(joined("poison"), *(joined(f"good {number}") for number in range(9)))
    async with running(consumer(sqs, handler)):
        await eventually(dead)
    assert journal.subjects.pop("poison") == 5
    assert set(journal.subjects.values()) == {1}
    assert len(journal.subjects) == 9


async def test_pauses_grow_with_every_try_and_the_last_one_stays(sqs, publish, count):
    pauses = []

    class Paused(Watched):
        async def change_message_visibility_batch(self, **request):
            (entry,) = request["Entries"]
            pauses.append(entry["VisibilityTimeout"])
            entry["VisibilityTimeout"] = 0
            return await sqs.change_message_visibility_batch(**request)

    async def handler(event):
        raise ValueError("cannot be digested")

    async def dead():
        return await count(DEAD) == 1

    await publish(joined("poison"))
    async with running(consumer(Paused(sqs), handler, retry_seconds=(1, 5, 15))):
        await eventually(dead)
    assert pauses == [1, 5, 15, 15, 15]


async def test_an_event_whose_handler_was_killed_is_given_to_another(sqs, publish, count):
    gate, journal = Gate(), Journal()
    await publish(joined("survivor"))
    dying = asyncio.create_task(consumer(sqs, gate, visibility_seconds=1).run(asyncio.Event()))
    await gate.begun.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    async with running(consumer(sqs, journal)):
        await eventually(empty(count))
    assert journal.subjects == {"survivor": 1}


async def test_an_event_stays_hidden_for_as_long_as_its_handler_works(sqs, publish, count):
    gate, watched = Gate(), Watched(sqs)

    async def renewed_three_times():
        return watched.calls["change_message_visibility_batch"] >= 3

    await publish(joined("slow"))
    async with running(consumer(watched, gate, visibility_seconds=1), consumer(watched, gate, visibility_seconds=1)):
        await eventually(renewed_three_times)
        gate.open.set()
        await eventually(empty(count))
    assert gate.subjects == {"slow": 1}


async def test_a_failed_event_is_tried_again_while_another_of_its_batch_still_works(sqs, publish, count):
    gate, tries = Gate(), Journal()

    async def handler(event):
        if event.subject == "slow":
            await gate(event)
            return
        await gate.begun.wait()
        await tries(event)
        if tries.subjects["failing"] == 1:
            raise ConnectionError("the store is away")
        gate.open.set()

    await publish(joined("slow"), joined("failing"))
    async with running(consumer(sqs, handler)):
        await eventually(empty(count))
    assert tries.subjects == {"failing": 2}
    assert gate.subjects == {"slow": 1}


async def test_a_drain_finishes_what_was_begun_and_takes_nothing_more(sqs, publish, count):
    gate = Gate()
    await publish(joined("begun"))
    stopping = asyncio.Event()
    task = asyncio.create_task(consumer(sqs, gate).run(stopping))
    await gate.begun.wait()
    stopping.set()
    await publish(joined("later"))
    assert not task.done()
    gate.open.set()
    await task
    assert gate.subjects == {"begun": 1}
    assert await count() == 1


async def test_a_drain_does_not_wait_for_a_long_poll(sqs):
    watched, stopping = Watched(sqs), asyncio.Event()

    async def polls():
        return watched.calls["receive_message"] == 2

    task = asyncio.create_task(consumer(watched, Journal()).run(stopping))
    await eventually(polls)
    stopping.set()
    await asyncio.wait_for(task, 2)


@pytest.mark.parametrize("call", ["delete_message_batch", "change_message_visibility_batch"])
async def test_a_refusal_of_sqs_does_not_disturb_the_other_events(sqs, publish, call):
    journal, watched = Journal(), Watched(sqs, failing=[call])

    async def handler(event):
        await journal(event)
        if event.subject == "failing":
            raise ValueError("cannot be digested")

    async def called_and_done():
        return watched.calls[call] and journal.subjects["later"]

    await publish(joined("failing"), joined("first"))
    async with running(consumer(watched, handler)):
        await eventually(lambda: _async(journal.subjects["first"]))
        await publish(joined("later"))
        await eventually(called_and_done)
    assert journal.subjects["later"] == 1


async def _async(value):
    return value


async def test_the_trace_of_the_publisher_goes_on_in_the_handler(sqs, publish, count):
    seen = []

    async def handler(event):
        seen.append(current_trace_id())

    await publish(joined(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"))
    async with running(consumer(sqs, handler)):
        await eventually(empty(count))
    assert seen == ["0af7651916cd43dd8448eb211c80319c"]


def test_an_event_comes_back_from_its_body_as_it_went():
    event = joined()
    assert parse_event(event.model_dump_json()) == event


def test_a_member_that_a_newer_publisher_added_is_passed_over():
    body = json.loads(joined().model_dump_json())
    body["data"]["invented_later"] = True
    assert parse_event(json.dumps(body)).data.role == "member"


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", '{"type": 1}', json.dumps({"type": MessageCreated.TYPE, "data": {}})]
)
def test_a_body_that_is_no_event_is_refused(body):
    with pytest.raises(ValidationError):
        parse_event(body)


def test_a_type_that_nobody_declared_is_refused():
    with pytest.raises(KeyError):
        parse_event('{"type": "unheard.of.v1"}')
