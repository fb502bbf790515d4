"""From SQS to a handler: each event takes effect once, however often and in whatever order it arrives.

The ledger's row is written in the transaction of the effect. A message that fails is tried again with growing pauses;
after the queue's `maxReceiveCount` SQS moves it to the dead-letter queue. While a handler works, its messages stay
hidden; on drain, what was begun is finished and the rest goes back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from pydantic import BaseModel

from messenger_contracts.envelope import Event, EventData
from messenger_contracts.events import ALL
from servicekit.dynamodb import Transaction, is_condition_failure
from servicekit.telemetry import Tracing, meter, record_failure

log = logging.getLogger(__name__)
_handled = meter.create_counter("inbox.handled", description="Messages by queue and outcome")

WAIT_SECONDS = 10
RETRY_SECONDS = (1, 5, 15, 60)
LEDGER_DAYS = 30


class DynamoLedger:
    """Remembers which events have taken effect, in a table with hash key `event_id` and TTL `expires_at`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def once(self, event_id: str, work: Transaction) -> bool:
        """Commit the work together with the event's row; False when the event had taken effect before."""
        entry = {"event_id": event_id, "at": int(time.time()), "expires_at": int(time.time()) + LEDGER_DAYS * 86400}
        combined = Transaction()
        combined.put_new(self._table, entry, "event_id")
        combined.items += work.items
        try:
            await combined.commit(self._client)
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True


Handler = Callable[[Event[Any]], Awaitable[None]]


class Consumer:
    """Reads one queue and hands each event to the handler of its type."""

    def __init__(
        self,
        *,
        sqs: Any,
        queue: str,
        handlers: Mapping[type[EventData], Handler],
        visibility_seconds: int = 30,
        pollers: int = 2,
        tracing: Tracing | None = None,
    ) -> None:
        self._sqs = sqs
        self._queue = queue
        self._handlers = {data.TYPE: handler for data, handler in handlers.items()}
        self._visibility = visibility_seconds
        self._pollers = pollers
        self._tracing = tracing or Tracing(0.0)
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
        """Long-poll, but give up at once when the drain begins: nothing was received yet then."""
        receiving = asyncio.ensure_future(
            self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=self._visibility,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
                MessageAttributeNames=["traceparent"],
            )
        )
        stop = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait({receiving, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                return []
            return list(receiving.result().get("Messages", []))
        finally:
            for task in (receiving, stop):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await stop

    async def _handle_all(self, messages: Sequence[dict[str, Any]]) -> None:
        heartbeat = asyncio.create_task(self._keep_hidden(messages))
        try:
            outcomes = await asyncio.gather(*map(self._handle, messages))
        finally:
            heartbeat.cancel()
        done = [message for message, outcome in zip(messages, outcomes, strict=True) if outcome]
        if done:
            await self._sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(done)
                ],
            )

    async def _handle(self, message: dict[str, Any]) -> bool:
        """Handle one message; returns whether it is done with."""
        traceparent = message.get("MessageAttributes", {}).get("traceparent", {}).get("StringValue")
        with self._tracing.work(f"consume {self._queue}", traceparent):
            try:
                event = parse_event(message["Body"])
                await self._handlers[event.type](event)
            except Exception as error:
                record_failure("inbox", error, queue=self._queue, message_id=message["MessageId"])
                _handled.add(1, {"queue": self._queue, "outcome": "failed"})
                await self._postpone(message)
                return False
        _handled.add(1, {"queue": self._queue, "outcome": "done"})
        return True

    async def _postpone(self, message: dict[str, Any]) -> None:
        received = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        pause = RETRY_SECONDS[min(received, len(RETRY_SECONDS)) - 1]
        await self._hide([message], pause)

    async def _keep_hidden(self, messages: Sequence[dict[str, Any]]) -> None:
        while True:
            await asyncio.sleep(self._visibility / 2)
            await self._hide(messages, self._visibility)

    async def _hide(self, messages: Sequence[dict[str, Any]], seconds: int) -> None:
        await self._sqs.change_message_visibility_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": seconds}
                for index, message in enumerate(messages)
            ],
        )


class _Type(BaseModel):
    type: str


def parse_event(body: str) -> Event[Any]:
    """The event that a message's body holds. Raises `ValidationError` or `KeyError` for one that is none of ours."""
    data = ALL[_Type.model_validate_json(body).type]
    event: type[Event[Any]] = Event.__class_getitem__(data)  # type: ignore[assignment]
    return event.model_validate_json(body)
