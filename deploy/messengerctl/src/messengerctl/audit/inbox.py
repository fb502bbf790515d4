"""What notification's tables and the queues hold. Scans: this is a tool for an operator, not a request's path."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from messengerctl.suite import Suite

PREFIX = "chat:"
_DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


@dataclass(frozen=True)
class Received:
    """What arrived of chat's events: the ledger's entries by event, and each person's inbox rows by event."""

    ledger: set[str]
    inbox: Counter[tuple[str, str]]


def read_received(suite: Suite) -> Received:
    """Read the ledger and all inboxes, rows that were deleted by their owners included."""
    dynamodb = suite.aws("dynamodb")
    ledger = {row["event_id"]["S"] for row in _scan(dynamodb, suite.resource("notification", "ledger"), "event_id")}
    rows = _scan(dynamodb, suite.resource("notification", "notifications"), "user_id, event_id")
    inbox = Counter((row["event_id"]["S"], row["user_id"]["S"]) for row in rows if "event_id" in row)
    ours = Counter({entry: copies for entry, copies in inbox.items() if entry[0].startswith(PREFIX)})
    return Received({event for event in ledger if event.startswith(PREFIX)}, ours)


def _scan(dynamodb: Any, table: str, attributes: str) -> Iterator[dict[str, Any]]:
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, ProjectionExpression=attributes, ConsistentRead=True
    )
    for page in pages:
        yield from page["Items"]


def queue_depths(suite: Suite) -> dict[str, int]:
    """How many messages each queue of the suite holds, seen or unseen; dead-letter queues end in `-dlq`."""
    sqs = suite.aws("sqs")
    prefix = suite.state.resources["resource_prefix"]
    depths = {}
    for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{prefix}-"):
        for url in page.get("QueueUrls", []):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_DEPTHS))["Attributes"]
            name = url.rpartition("/")[2].removeprefix(f"{prefix}-")
            depths[name] = sum(int(attributes.get(depth, 0)) for depth in _DEPTHS)
    return depths


def split_dead(depths: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Part the queues that hold anything into living ones and dead-letter queues."""
    living = {name: depth for name, depth in depths.items() if depth and not name.endswith("-dlq")}
    dead = {name: depth for name, depth in depths.items() if depth and name.endswith("-dlq")}
    return living, dead
