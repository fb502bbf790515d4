"""From DynamoDB to SNS: what was written in a transaction is published, at least once, by one relay at a time.

The outbox is a table with hash key `lane` and range key `place`. An event's item rides in the `TransactWriteItems` of
the change that it tells of; the relay reads lanes from their beginning, publishes, and deletes what went out. What is
in the table is what is still to be published, so an index has nothing to add: reads of the table are consistent, and a
transaction that commits late is simply there at the next read. A crash between publishing and deleting publishes
again: consumers keep a ledger.

The events of one subject share a lane and lie there in the order of their writers' clocks. Two processes that change
the same thing within the skew of their clocks may be published the other way round, and SQS keeps no order either:
where order matters, an event carries what orders it.

An event that cannot be published, because this release does not know its type or SNS blames the sender, is set aside,
logged and counted, and does not hold the others up. It gets another try whenever a relay begins to lead.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from messenger_contracts.envelope import Event
from servicekit.dynamodb import Transaction, delete_items, is_condition_failure, query_items, to_item
from servicekit.dynamodb_lease import LEASE_SECONDS, Lease
from servicekit.inbox import parse_event
from servicekit.loops import wait_for
from servicekit.sns import BATCH_BYTES, Publisher, PublishFailed
from servicekit.telemetry import meter, record_failure

log = logging.getLogger(__name__)
_published = meter.create_counter("outbox.published", description="Events handed to SNS")
_set_aside = meter.create_counter("outbox.set_aside", description="Events that could not be published")
_lag = meter.create_histogram("outbox.lag", unit="ms", description="Age of an event when it was handed to SNS")

LANES = 4
"""Each takes some thousand writes a second, the limit of one partition. More may be added at any time, never fewer."""
LEASE = "lease"
SET_ASIDE = "set-aside"


class DynamoOutbox:
    """Puts events beside the changes that they tell of."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._last = 0

    def put(self, event: Event[Any]) -> dict[str, Any]:
        """The item of `TransactWriteItems` that has the event published. Raises `ValueError` if SNS would not take it.

        One outbox gives growing places: what one process puts later is published later.
        """
        body = event.model_dump_json()
        if len(body.encode()) > BATCH_BYTES:
            raise ValueError(f"an event of {len(body)} characters does not fit into a message: {event.type}")
        self._last = max(self._last + 1, time.time_ns())
        values = {"lane": lane_of(event.subject), "place": f"{self._last:020d}:{event.id}", "event": body}
        return {"Put": {"TableName": self._table, "Item": to_item(values)}}

    def add(self, transaction: Transaction, event: Event[Any]) -> None:
        """Have an event published if the transaction commits."""
        transaction.items.append(self.put(event))


def lane_of(subject: str) -> str:
    """Where the events of a subject lie."""
    return str(hashlib.sha256(subject.encode()).digest()[0] % LANES)


@dataclass(frozen=True)
class _Record:
    """An item of the outbox, with its event if this release can read it."""

    item: Mapping[str, Any]
    event: Event[Any] | None

    @property
    def key(self) -> dict[str, Any]:
        return {"lane": self.item["lane"], "place": self.item["place"]}


class DynamoRelay:
    """Publishes an outbox. Any number may run; a lease lets one work, and the next takes over."""

    def __init__(
        self,
        *,
        name: str,
        client: Any,
        table: str,
        publisher: Publisher,
        batch: int = 200,
        idle_seconds: float = 0.25,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._name = name
        self._client = client
        self._table = table
        self._publisher = publisher
        self._batch = batch
        self._idle = idle_seconds
        self._lease = Lease(client, table, {"lane": LEASE, "place": name}, seconds=lease_seconds)

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until the event is set. Raises when DynamoDB or SNS fails; what is not published stays."""
        try:
            while not stopping.is_set():
                if await self._lease.take():
                    await self._publish_all(stopping)
                await wait_for(stopping, 1.0)
        finally:
            await self._lease.release()

    async def _publish_all(self, stopping: asyncio.Event) -> None:
        log.info("relay %s leads", self._name)
        await self.try_again()
        while not stopping.is_set() and await self._lease.keep():
            if await self.step() == 0:
                await wait_for(stopping, self._idle)

    async def step(self) -> int:
        """Publish what each lane begins with; returns how many events that were. A lane that fails stops no other."""
        outcomes = await asyncio.gather(
            *(self._publish_lane(str(number)) for number in range(LANES)), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(outcome for outcome in outcomes if isinstance(outcome, int))

    async def try_again(self) -> None:
        """Put what was set aside back into its place."""
        for item in await self._read(SET_ASIDE):
            key = {"lane": SET_ASIDE, "place": item["place"]}
            await self._move(key, {"lane": item["home"], "place": item["place"], "event": item["event"]})

    async def _publish_lane(self, lane: str) -> int:
        records = [_Record(item, _parse(item)) for item in await self._read(lane)]
        readable = [record for record in records if record.event]
        for record in records:
            if record.event is None:
                await self._put_aside(record, "cannot be read")
        sent = await self._publish(readable)
        await delete_items(self._client, self._table, [record.key for record in sent])
        if sent:
            _published.add(len(sent), {"relay": self._name})
            age = datetime.now(UTC) - _events(sent)[0].time
            _lag.record(age.total_seconds() * 1000, {"relay": self._name})
        return len(records)

    async def _publish(self, records: Sequence[_Record]) -> list[_Record]:
        """Publish records, and give those that went out; one that SNS blames on the sender is set aside."""
        try:
            await self._publisher.publish(_events(records))
        except PublishFailed as error:
            if not error.sender_fault:
                raise
        else:
            return list(records)
        sent: list[_Record] = []
        for record in records:
            try:
                await self._publisher.publish(_events([record]))
            except PublishFailed as error:
                if not error.sender_fault:
                    raise
                await self._put_aside(record, str(error))
            else:
                sent.append(record)
        return sent

    async def _put_aside(self, record: _Record, why: str) -> None:
        record_failure("outbox", PublishFailed(f"{record.key['place']} is set aside: {why}"), relay=self._name)
        _set_aside.add(1, {"relay": self._name})
        await self._move(record.key, {**record.item, "lane": SET_ASIDE, "home": record.item["lane"], "why": why})

    async def _move(self, key: Mapping[str, Any], to: Mapping[str, Any]) -> None:
        transaction = Transaction()
        transaction.delete(self._table, key, "attribute_exists(#key)", names={"#key": "place"})
        transaction.put(self._table, to)
        try:
            await transaction.commit(self._client)
        except ClientError as error:
            if not is_condition_failure(error):  # another relay has moved it
                raise

    async def _read(self, lane: str) -> list[dict[str, Any]]:
        return await query_items(
            self._client,
            most=self._batch,
            TableName=self._table,
            KeyConditionExpression="lane = :lane",
            ExpressionAttributeValues=to_item({":lane": lane}),
            ConsistentRead=True,
        )


def _parse(item: Mapping[str, Any]) -> Event[Any] | None:
    try:
        return parse_event(item["event"])
    except (KeyError, ValidationError):
        return None


def _events(records: Iterable[_Record]) -> list[Event[Any]]:
    return [record.event for record in records if record.event]
