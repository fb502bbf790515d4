"""The word of ended sessions: marked on their rows in DynamoDB, published in Valkey.

In Valkey it is a publication for the sockets that are open, and a sorted set for the requests that come later.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from auth_service.endings.models import ANNOUNCE, UNANNOUNCED
from messenger_contracts.realtime import SessionEnded, revoked_sessions_key, sessions_channel
from servicekit.dynamodb import is_condition_failure, query_items, to_item

BATCH = 100


class EndingRepository:
    """Finds the ends that are to be announced, and announces them."""

    def __init__(self, dynamodb: Any, table: str, valkey: Any, namespace: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._valkey = valkey
        self._namespace = namespace

    async def unannounced(self) -> list[SessionEnded]:
        """Some of the ends that the gateways may not know of."""
        found = await query_items(
            self._dynamodb,
            most=BATCH,
            TableName=self._table,
            IndexName=UNANNOUNCED,
            KeyConditionExpression=f"{UNANNOUNCED} = :yes",
            ExpressionAttributeValues=to_item({":yes": ANNOUNCE}),
        )
        return [
            SessionEnded(user_id=item["user_id"], session_id=item["session_id"], until=item["access_expires_at"])
            for item in found
        ]

    async def publish(self, ended: Sequence[SessionEnded], now: int) -> None:
        """Announce ends, and forget those whose tokens have all expired. Saying one twice is harmless."""
        revoked = revoked_sessions_key(self._namespace)
        async with self._valkey.pipeline(transaction=False) as pipeline:
            pipeline.zremrangebyscore(revoked, "-inf", now)
            for end in ended:
                pipeline.zadd(revoked, {str(end.session_id): end.until})
                pipeline.publish(sessions_channel(self._namespace), end.model_dump_json())
            await pipeline.execute()

    async def unmark(self, ended: Sequence[SessionEnded]) -> None:
        """Note that the gateways know of these ends."""
        await asyncio.gather(*map(self._unmark, ended))

    async def _unmark(self, end: SessionEnded) -> None:
        try:
            await self._dynamodb.update_item(
                TableName=self._table,
                Key=to_item({"user_id": end.user_id, "session_id": end.session_id}),
                UpdateExpression=f"REMOVE {UNANNOUNCED}",
                ConditionExpression="attribute_exists(user_id)",
            )
        except ClientError as error:
            if not is_condition_failure(error):  # a row that expired needs no mark removed, and must not come back
                raise
