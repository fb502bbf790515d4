"""Batches within the limits of SNS, on a real topic, and refusals."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Message
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.chat import MemberJoined, MessageCreated
from messenger_contracts.media import Media
from servicekit.sns import Publisher, PublishFailed
from servicekit.testing import PREFIX, REGION

SNS_LIMIT = 256 * 1024
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def event(size=1, traceparent=None):
    return Event[MemberJoined](
        id=str(uuid4()),
        source="probe",
        type=MemberJoined.TYPE,
        time=NOW,
        subject="conversation",
        dataschema=schema_uri(MemberJoined.TYPE),
        traceparent=traceparent,
        data=MemberJoined(
            conversation_id="conversation",
            seq=1,
            actor=Actor(user_id="user-alice", username="alice"),
            user_id="u" * size,
            role="member",
        ),
    )


class Topic:
    """Takes batches as SNS does, and refuses those that hold a given event."""

    def __init__(self, refused=""):
        self.batches = []
        self.under_way = 0
        self._refused = refused

    async def publish_batch(self, *, TopicArn, PublishBatchRequestEntries):  # noqa: N803 - the SDK's names
        self.under_way += 1
        await asyncio.sleep(0)
        self.under_way -= 1
        self.batches.append(PublishBatchRequestEntries)
        failed = [entry for entry in PublishBatchRequestEntries if self._refused and self._refused in entry["Message"]]
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError", "Message": "later"} for entry in failed]}


def size_of(batch):
    """Bytes as SNS counts them: the message, and each attribute's name, type and value."""
    return sum(
        len(entry["Message"].encode())
        + sum(
            len(name) + len(value["DataType"]) + len(value["StringValue"].encode())
            for name, value in entry["MessageAttributes"].items()
        )
        for entry in batch
    )


async def test_what_is_published_arrives_with_its_type_and_trace(aws, aws_account, declare):
    heard = {"service": "probe", "topic": "events", "types": [MemberJoined.TYPE]}
    declare(topics={"events": {}}, queues={"inbox": {"subscriptions": [heard]}})
    sns, sqs = await aws.client("sns"), await aws.client("sqs")
    topic = f"arn:aws:sns:{REGION}:{aws_account}:{PREFIX}-probe-events"
    url = (await sqs.get_queue_url(QueueName=f"{PREFIX}-probe-inbox"))["QueueUrl"]
    published = event(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
    await Publisher(sns, topic).publish([published])
    answer = await sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=5)
    (message,) = answer["Messages"]
    assert message["Body"] == published.model_dump_json()
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {"type": MemberJoined.TYPE, "traceparent": published.traceparent}


async def test_a_subscription_may_take_those_alone_that_have_a_mark(aws, aws_account, declare):
    heard = {"service": "probe", "topic": "events", "types": [MessageCreated.TYPE], "marks": {"files": ["true"]}}
    declare(topics={"events": {}}, queues={"inbox": {"subscriptions": [heard]}})
    sns, sqs = await aws.client("sns"), await aws.client("sqs")
    url = (await sqs.get_queue_url(QueueName=f"{PREFIX}-probe-inbox"))["QueueUrl"]
    plain, with_files = message(), message(Media(id="a-file"))
    await Publisher(sns, f"arn:aws:sns:{REGION}:{aws_account}:{PREFIX}-probe-events").publish(
        [plain, with_files, plain]
    )
    answer = await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
    assert [each["Body"] for each in answer["Messages"]] == [with_files.model_dump_json()]


def message(*media: Media) -> Event[MessageCreated]:
    told = Message(
        id="m",
        conversation_id="c",
        client_id="k",
        seq=1,
        msg_no=1,
        by="user-alice",
        text=None,
        media=list(media),
        created_at=NOW,
    )
    actor = Actor(user_id="user-alice", username="alice")
    return Event(
        id=str(uuid4()),
        source="probe",
        type=MessageCreated.TYPE,
        time=NOW,
        subject="c",
        dataschema=schema_uri(MessageCreated.TYPE),
        data=MessageCreated(conversation_id="c", seq=1, actor=actor, message=told, recipients=[]),
    )


async def test_twenty_five_events_go_in_three_calls():
    topic, events = Topic(), [event() for _ in range(25)]
    await Publisher(topic, "arn").publish(events)
    assert [len(batch) for batch in topic.batches] == [10, 10, 5]
    sent = [entry["Message"] for batch in topic.batches for entry in batch]
    assert sent == [one.model_dump_json() for one in events]


async def test_large_events_are_split_by_size():
    topic = Topic()
    await Publisher(topic, "arn").publish([event(size=60_000) for _ in range(9)])
    assert [len(batch) for batch in topic.batches] == [4, 4, 1]


@given(st.lists(st.integers(1, 200_000), max_size=40))
def test_no_batch_passes_a_limit_and_nothing_is_left_out(sizes):
    topic = Topic()
    asyncio.run(Publisher(topic, "arn").publish([event(size=size, traceparent="t" * 55) for size in sizes]))
    assert sum(map(len, topic.batches)) == len(sizes)
    assert all(len(batch) <= 10 and size_of(batch) <= SNS_LIMIT for batch in topic.batches)
    assert all(len({entry["Id"] for entry in batch}) == len(batch) for batch in topic.batches)


async def test_a_refused_entry_raises_when_no_call_is_under_way_any_more():
    events = [event() for _ in range(30)]
    topic = Topic(refused=events[3].id)
    with pytest.raises(PublishFailed, match="1 of 10: InternalError later"):
        await Publisher(topic, "arn").publish(events)
    assert topic.under_way == 0


async def test_nothing_is_sent_for_no_events():
    topic = Topic()
    await Publisher(topic, "arn").publish([])
    assert topic.batches == []
