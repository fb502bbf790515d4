"""From the log to other services' queues."""

import asyncio
import json
from uuid import uuid4

from chat_service.relay.repository import RelayRepository
from chat_service.relay.service import LogSource
from messenger_contracts.events.chat import MemberJoined, MessageCreated
from servicekit.inbox import parse_event
from servicekit.outbox import PostgresRelay
from servicekit.sns import Publisher


async def subscribed_queue(aws, settings) -> tuple:
    """A queue that hears everything of chat's topic."""
    sqs, sns = await aws.client("sqs"), await aws.client("sns")
    url = (await sqs.create_queue(QueueName="listener"))["QueueUrl"]
    arn = (await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    await sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    await sns.subscribe(
        TopicArn=settings.topic_arn("events"),
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    return sqs, url


async def received(sqs, url: str, count: int) -> list:
    events = []
    while len(events) < count:
        answer = await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        assert answer.get("Messages"), f"{len(events)} of {count} events came"
        events += [parse_event(message["Body"]) for message in answer["Messages"]]
    return events


async def test_everything_in_the_log_reaches_a_queue_in_order_and_whole(people, aws, database, settings) -> None:
    ada, bob = await people("ada", "bob")
    sqs, url = await subscribed_queue(aws, settings)
    conversation = (await ada.begin(bob)).json()["id"]
    await asyncio.gather(*(who.send(conversation, uuid4(), f"{n}") for n in range(15) for who in (ada, bob)))

    publisher = Publisher(await aws.client("sns"), settings.topic_arn("events"))
    relay = PostgresRelay(
        name="log", database=database, source=LogSource(RelayRepository(500)), publisher=publisher, batch=7
    )
    stopping = asyncio.Event()
    running = asyncio.create_task(relay.run(stopping))
    events = await received(sqs, url, 32)
    stopping.set()
    await running

    assert {event.id for event in events} == {f"chat:{conversation}:{seq}" for seq in range(1, 33)}
    by_seq = sorted(events, key=lambda event: event.data.seq)
    joined, created = by_seq[:2], by_seq[2:]
    assert {event.data.user_id for event in joined} == {ada.id, bob.id}
    assert all(isinstance(event.data, MemberJoined) for event in joined)
    for event in created:
        assert isinstance(event.data, MessageCreated)
        other = {ada.id: bob.id, bob.id: ada.id}[event.data.actor.user_id]
        assert event.data.recipients == [other]
        assert event.data.actor.username == event.data.actor.user_id.removeprefix("user-")
        assert event.subject == conversation
    shown = (await ada.get(f"/v1/conversations/{conversation}/events", limit=200)).json()["items"]
    assert [event["data"] for event in shown[2:]] == [
        json.loads(event.data.message.model_dump_json()) for event in created
    ]
