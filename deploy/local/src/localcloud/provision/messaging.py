"""SNS topics, SQS queues with their dead-letter queues, and who hears what."""

import json
from collections.abc import Iterable
from typing import Any

from localcloud.provision.account import Account, same_json
from localcloud.provision.infra import Queue, Subscription

_DAY = 24 * 60 * 60


def ensure_topic(account: Account, service: str, name: str) -> None:
    """Create the topic unless it is there; SNS makes no difference between the two."""
    account.clients("sns").create_topic(Name=account.name(service, name))


def ensure_queue(account: Account, service: str, name: str, queue: Queue, buckets: Iterable[str] = ()) -> list[str]:
    """Create or correct a queue, its dead-letter queue and its subscriptions; return what changed.

    The topics must exist. `buckets` are those of the service that tell the queue of their objects.
    """
    dead_letters = {"MessageRetentionPeriod": str(14 * _DAY)}
    changed = [
        *_ensure_attributes(account, account.name(service, f"{name}-dlq"), dead_letters),
        *_ensure_attributes(account, account.name(service, name), _attributes(account, service, name, queue, buckets)),
    ]
    return changed + _ensure_subscriptions(account, account.arn("queue", service, name), queue.subscriptions)


def _attributes(account: Account, service: str, name: str, queue: Queue, buckets: Iterable[str]) -> dict[str, str]:
    redrive = {
        "deadLetterTargetArn": account.arn("queue", service, f"{name}-dlq"),
        "maxReceiveCount": str(queue.max_receives),
    }
    topics = [account.arn("topic", heard.service, heard.topic) for heard in queue.subscriptions]
    sources = [account.arn("bucket", service, bucket) for bucket in buckets]
    queue_arn = account.arn("queue", service, name)
    senders = [
        _may_send("TopicsSend", "sns.amazonaws.com", queue_arn, topics),
        _may_send("BucketsSend", "s3.amazonaws.com", queue_arn, sources),
    ]
    statements = [statement for statement in senders if statement["Condition"]["ArnEquals"]["aws:SourceArn"]]
    attributes = {
        "VisibilityTimeout": str(queue.visibility_seconds),
        "MessageRetentionPeriod": str(queue.retention_days * _DAY),
        "RedrivePolicy": json.dumps(redrive),
    }
    if statements:
        attributes["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return attributes


def _may_send(sid: str, sender: str, queue_arn: str, sources: list[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": sender},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": sources}},
    }


def _ensure_attributes(account: Account, full_name: str, wanted: dict[str, str]) -> list[str]:
    sqs = account.clients("sqs")
    try:
        url = sqs.get_queue_url(QueueName=full_name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        sqs.create_queue(QueueName=full_name, Attributes=wanted)
        return [f"queue {full_name}"]
    present = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    if all(same_json(value, present.get(name)) for name, value in wanted.items()):
        return []
    sqs.set_queue_attributes(QueueUrl=url, Attributes=wanted)
    return [f"attributes of queue {full_name}"]


def _ensure_subscriptions(account: Account, queue_arn: str, wanted: list[Subscription]) -> list[str]:
    """Bring the queue's subscriptions to what is declared; those no longer declared end."""
    sns = account.clients("sns")
    pages = sns.get_paginator("list_subscriptions").paginate()
    present = {
        one["TopicArn"]: one["SubscriptionArn"]
        for page in pages
        for one in page["Subscriptions"]
        if one["Endpoint"] == queue_arn
    }
    changed = []
    for heard in wanted:
        topic_arn = account.arn("topic", heard.service, heard.topic)
        wanted_alone = {"type": sorted(heard.types), **heard.marks}
        attributes = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(wanted_alone)}
        if _subscribe(sns, topic_arn, queue_arn, attributes, present.pop(topic_arn, None)):
            changed.append(f"subscription of {queue_arn} to {topic_arn}")
    for topic_arn, subscription_arn in present.items():
        sns.unsubscribe(SubscriptionArn=subscription_arn)
        changed.append(f"end of the subscription of {queue_arn} to {topic_arn}")
    return changed


def _subscribe(sns: Any, topic_arn: str, queue_arn: str, attributes: dict[str, str], subscribed: str | None) -> bool:
    if subscribed is None:
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes=attributes)
        return True
    present = sns.get_subscription_attributes(SubscriptionArn=subscribed)["Attributes"]
    different = {name: value for name, value in attributes.items() if not same_json(value, present.get(name))}
    for name, value in different.items():
        sns.set_subscription_attributes(SubscriptionArn=subscribed, AttributeName=name, AttributeValue=value)
    return bool(different)
