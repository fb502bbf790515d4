"""Publishing to SNS in batches of ten, within its limit of 256 KiB a call."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from messenger_contracts.envelope import Event, EventData

BATCH_ENTRIES = 10
BATCH_BYTES = 250_000
CONCURRENCY = 4


class PublishFailed(Exception):
    """SNS refused some entries of a batch."""

    def __init__(self, message: str, *, sender_fault: bool = False) -> None:
        super().__init__(message)
        self.sender_fault = sender_fault
        """Whether SNS says that an entry is at fault, so that trying again will not help."""


class Publisher:
    """Publishes events to one topic. Filters work on the message attribute `type`, and on the marks of an event."""

    def __init__(self, sns: Any, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    async def publish(self, events: Sequence[Event[Any]]) -> None:
        """Publish all of them, or raise; some may then have gone out, and no call is still under way."""
        batches = _batches(events)
        while together := list(islice(batches, CONCURRENCY)):
            outcomes = await asyncio.gather(*map(self._publish_batch, together), return_exceptions=True)
            for outcome in outcomes:
                if outcome:
                    raise outcome

    async def _publish_batch(self, entries: list[dict[str, Any]]) -> None:
        answer = await self._sns.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
        if refused := answer.get("Failed"):
            raise PublishFailed(
                f"{len(refused)} of {len(entries)}: {refused[0].get('Code')} {refused[0].get('Message')}",
                sender_fault=any(one.get("SenderFault") and "Throttl" not in one.get("Code", "") for one in refused),
            )


def _batches(events: Sequence[Event[Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for event in events:
        body = event.model_dump_json()
        length = len(body.encode())
        if batch and (len(batch) == BATCH_ENTRIES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(_entry(str(len(batch)), event, body))
        size += length
    if batch:
        yield batch


def _entry(entry_id: str, event: Event[Any], body: str) -> dict[str, Any]:
    attributes = {"type": event.type}
    if isinstance(event.data, EventData):  # and not JSON, which an outbox keeps
        attributes |= event.data.marks
    if event.traceparent:
        attributes["traceparent"] = event.traceparent
    return {
        "Id": entry_id,
        "Message": body,
        "MessageAttributes": {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    }
