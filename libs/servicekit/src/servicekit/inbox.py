"""From SQS to a handler: each event takes effect once, however often and in whatever order it arrives.

The ledger's row is written in the transaction of the effect. A message that fails is tried again with growing pauses;
after the queue's `maxReceiveCount` SQS moves it to the dead-letter queue. While a handler works, its messages stay
hidden; on drain, what was begun is finished and the rest goes back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from messenger_contracts.envelope import Event, EventData
from messenger_contracts.events import ALL
from servicekit.batching import Batcher
from servicekit.dynamodb import MAX_ITEMS, Transaction, holds
from servicekit.loops import until
from servicekit.telemetry import Tracing, meter, record_failure

_handled = meter.create_counter("inbox.handled", description="Messages by queue and outcome")

WAIT_SECONDS = 10
RETRY_SECONDS = (1, 5, 15, 60)
LEDGER_DAYS = 30
UNAVAILABLE = (BotoCoreError, ClientError, OSError, TimeoutError)
"""What a call raises when SQS refuses it or is away."""


Work = TypeVar("Work", contravariant=True)


class Ledger(Protocol[Work]):
    """Which events have taken effect. What the work is, the store decides: its own kind of a transaction's content."""

    async def once(self, event_id: str, work: Work) -> bool:
        """Commit the work together with the event's row; False when the event had taken effect before."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    event_id: str
    items: list[dict[str, Any]]


class DynamoLedger:
    """Remembers which events have taken effect, in a table with hash key `event_id` and TTL `expires_at`.

    Events that are handled at the same time are committed together, as far as a transaction goes.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._batcher: Batcher[_Entry, bool] = Batcher(self._commit_all, limit=MAX_ITEMS // 2, concurrency=2)

    async def once(self, event_id: str, work: Transaction) -> bool:
        """Commit the work together with the event's row; False when the event had taken effect before."""
        row = {"event_id": event_id, "at": int(time.time()), "expires_at": int(time.time()) + LEDGER_DAYS * 86400}
        combined = Transaction()
        combined.put_new(self._table, row, "event_id")
        return await self._batcher.submit(_Entry(event_id, combined.items + work.items))

    async def _commit_all(self, entries: Sequence[_Entry]) -> list[bool | BaseException]:
        """Commit in as few transactions as possible; where one does not go through, its events go one by one."""
        results: list[bool | BaseException] = []
        for together in _together(entries):
            if len(together) > 1 and await self._all_new(together):
                results += [True] * len(together)
            else:
                results += await asyncio.gather(*map(self._commit, together), return_exceptions=True)
        return results

    async def _all_new(self, entries: Sequence[_Entry]) -> bool:
        combined = Transaction()
        combined.items = [item for entry in entries for item in entry.items]
        try:
            await combined.commit(self._client)
        except ClientError:
            return False
        return True

    async def _commit(self, entry: _Entry) -> bool:
        alone = Transaction()
        alone.items = entry.items
        return await holds(alone.commit(self._client))


def _together(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """Split into what one transaction takes: no more items than it may have, and no event twice."""
    batch: dict[str, _Entry] = {}
    size = 0
    for entry in entries:
        if batch and (size + len(entry.items) > MAX_ITEMS or entry.event_id in batch):
            yield list(batch.values())
            batch, size = {}, 0
        batch[entry.event_id] = entry
        size += len(entry.items)
    if batch:
        yield list(batch.values())


Handler = Callable[[Event[Any]], Awaitable[None]]
Parse = Callable[[str], Event[Any]]
"""Reads the body of a message; another than `parse_event` where AWS itself writes to the queue too."""


class Consumer:
    """Reads one queue and hands each event to the handler of its type."""

    def __init__(
        self,
        *,
        sqs: Any,
        queue: str,
        handlers: Mapping[type[EventData], Handler],
        visibility_seconds: int = 30,
        retry_seconds: Sequence[int] = RETRY_SECONDS,
        pollers: int = 2,
        tracing: Tracing | None = None,
        parse: Parse | None = None,
    ) -> None:
        self._sqs = sqs
        self._queue = queue
        self._handlers = {data.TYPE: handler for data, handler in handlers.items()}
        self._visibility = visibility_seconds
        self._retry = retry_seconds
        self._pollers = pollers
        self._tracing = tracing or Tracing(0.0)
        self._parse = parse or parse_event
        self._url = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until the event is set; then finish what was received."""
        self._url = (await self._sqs.get_queue_url(QueueName=self._queue))["QueueUrl"]
        async with asyncio.TaskGroup() as group:
            for _ in range(self._pollers):
                group.create_task(self._poll(stopping))

    async def _poll(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            messages = await self._receive(stopping)
            if messages:
                await self._handle_all(messages)

    async def _receive(self, stopping: asyncio.Event) -> Sequence[dict[str, Any]]:
        """Long-poll, but give up at once when the drain begins: what SQS hands out then shows itself again."""
        request = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=WAIT_SECONDS,
            VisibilityTimeout=self._visibility,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=["traceparent"],
        )
        answer = await until(stopping, request)
        return list(answer.get("Messages", [])) if answer else []

    async def _handle_all(self, messages: Sequence[dict[str, Any]]) -> None:
        held = {message["ReceiptHandle"]: message for message in messages}
        heartbeat = asyncio.create_task(self._keep_hidden(held))
        try:
            async with asyncio.TaskGroup() as group:
                for message in messages:
                    group.create_task(self._handle(message, held))
            await self._delete(held)
        finally:
            heartbeat.cancel()

    async def _delete(self, handles: Iterable[str]) -> None:
        """Delete what is done with; a message that stays comes again, and the ledger knows it."""
        entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(handles)]
        if not entries:
            return
        try:
            await self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except UNAVAILABLE as error:
            record_failure("inbox.delete", error, queue=self._queue)

    async def _handle(self, message: dict[str, Any], held: dict[str, Any]) -> None:
        """Handle one message; one that fails is let go of, to show itself again after a pause."""
        traceparent = message.get("MessageAttributes", {}).get("traceparent", {}).get("StringValue")
        with self._tracing.work(f"consume {self._queue}", traceparent):
            try:
                event = self._parse(message["Body"])
                await self._handlers[event.type](event)
            except Exception as error:
                record_failure("inbox", error, queue=self._queue, message_id=message["MessageId"])
                _handled.add(1, {"queue": self._queue, "outcome": "failed"})
                del held[message["ReceiptHandle"]]
                await self._postpone(message)
                return
        _handled.add(1, {"queue": self._queue, "outcome": "done"})

    async def _postpone(self, message: dict[str, Any]) -> None:
        received = int(message["Attributes"]["ApproximateReceiveCount"])
        pause = self._retry[min(received, len(self._retry)) - 1]
        await self._hide([message["ReceiptHandle"]], pause)

    async def _keep_hidden(self, held: Mapping[str, Any]) -> None:
        while True:
            await asyncio.sleep(self._visibility / 2)
            if held:
                await self._hide(list(held), self._visibility)

    async def _hide(self, handles: Sequence[str], seconds: int) -> None:
        """Set how long messages stay hidden; one that shows itself too early is handled twice, which is harmless."""
        entries = [
            {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for index, handle in enumerate(handles)
        ]
        try:
            await self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        except UNAVAILABLE as error:
            record_failure("inbox.visibility", error, queue=self._queue)


class _Type(BaseModel):
    type: str


def parse_event(body: str) -> Event[Any]:
    """The event that a message's body holds. Raises `ValidationError` or `KeyError` for one that is none of ours."""
    data = ALL[_Type.model_validate_json(body).type]
    event: type[Event[Any]] = Event.__class_getitem__(data)  # type: ignore[assignment]
    return event.model_validate_json(body)
