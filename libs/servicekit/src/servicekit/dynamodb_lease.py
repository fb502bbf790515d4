"""A lease on an item of DynamoDB: of all who want it one has it, and when that one dies another gets it.

No clocks are compared: the holder counts up, and who sees the count stand still for the whole of a lease, by its own
clock, may take over. Two may believe for a moment that they hold it, one that was paused and its heir: what a lease
guards must bear that.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from servicekit.dynamodb import from_item, holds, is_condition_failure, to_item

LEASE_SECONDS = 10.0


class Lease:
    """One contender for the lease that lies at a key of a table. The table may hold other items."""

    def __init__(
        self,
        client: Any,
        table: str,
        key: Mapping[str, str],
        *,
        seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._at = {"TableName": table, "Key": to_item(key)}
        self._key_name = next(iter(key))
        self._seconds = seconds
        self._clock = clock
        self._me = uuid4().hex
        self._beat = 0
        self._renewed_at = 0.0
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0

    async def take(self) -> bool:
        """Take the lease if nobody holds it; call it again and again to see a holder die."""
        found = (await self._client.get_item(**self._at, ConsistentRead=True)).get("Item")
        if found is None:
            return await self._write(1, "attribute_not_exists(#key)", {}, **{"#key": self._key_name})
        item = from_item(found)
        seen = (item["owner"], item["beat"])
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock()
            return False
        if self._clock() - self._seen_at < self._seconds:
            return False
        return await self._advance(*seen)

    async def keep(self) -> bool:
        """Renew the lease when it is time to; False when another has it."""
        if self._clock() - self._renewed_at < self._seconds / 3:
            return True
        return await self._advance(self._me, self._beat)

    async def release(self) -> None:
        """Give the lease up, so that the next need not wait; harmless for who does not hold it."""
        await holds(
            self._client.delete_item(
                **self._at,
                ConditionExpression="#owner = :me",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues=to_item({":me": self._me}),
            )
        )

    async def _advance(self, owner: str, beat: int) -> bool:
        return await self._write(beat + 1, "#owner = :was AND beat = :stood", {":was": owner, ":stood": beat})

    async def _write(self, beat: int, condition: str, values: Mapping[str, Any], **names: str) -> bool:
        began = self._clock()
        try:
            await self._client.update_item(
                **self._at,
                UpdateExpression="SET #owner = :me, beat = :beat",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#owner": "owner", **names},
                ExpressionAttributeValues=to_item({":me": self._me, ":beat": beat, **values}),
            )
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        self._beat, self._renewed_at = beat, began
        return True
