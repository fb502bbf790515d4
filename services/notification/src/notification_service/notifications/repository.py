"""The table `notifications` and its sparse index `unread`: keys, conditions and expiry.

Every access names the person whose inbox it is: what is somebody else's is simply not there.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from messenger_contracts.notifications import Notification
from messenger_contracts.shapes import format_timestamp
from notification_service.notifications.errors import NotificationNotFound
from servicekit.dynamodb import (
    Transaction,
    count_items,
    from_item,
    get_items,
    is_condition_failure,
    query_items,
    to_item,
)

UNREAD_INDEX = "unread"
DELETED_DAYS = 30
CONCURRENCY = 16
EXISTS = "attribute_exists(id) AND attribute_not_exists(deleted_at)"

Listed = tuple[list[Notification], str | None]
"""Notifications, newest first, and the position behind them if there are more."""


class NotificationRepository:
    """Reads and writes notifications."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def check(self) -> None:
        """Raise when the table cannot be read."""
        await self._client.get_item(TableName=self._table, Key=to_item({"user_id": "-", "id": "-"}))

    def insertion(self, notifications: Mapping[str, Notification], event_id: str) -> Transaction:
        """The transaction that puts one unread row into each recipient's inbox, if it is not there."""
        work = Transaction()
        for user_id, notification in notifications.items():
            row = notification.model_dump(mode="json")
            work.put_new(self._table, row | {"user_id": user_id, "unread_of": user_id, "event_id": event_id}, "id")
        return work

    async def newest(self, user_id: str, before: str | None, limit: int) -> Listed:
        """All that are not deleted, as they are now."""
        rows = await query_items(
            self._client,
            most=limit + 1,
            ConsistentRead=True,
            FilterExpression="attribute_not_exists(deleted_at)",
            **self._newest_first("user_id", user_id, before),
        )
        return _listed([row["id"] for row in rows], rows, limit)

    async def unread(self, user_id: str, before: str | None, limit: int) -> Listed:
        """Those that the index holds and that are still unread; the index may be behind by a moment."""
        request = self._newest_first("unread_of", user_id, before)
        keys = await query_items(self._client, most=limit + 1, IndexName=UNREAD_INDEX, **request)
        wanted = [{"user_id": user_id, "id": key["id"]} for key in keys[:limit]]
        rows = [row for row in await get_items(self._client, self._table, wanted) if "unread_of" in row]
        return _listed([key["id"] for key in keys], rows, limit)

    async def count_unread(self, user_id: str) -> int:
        """How many the index holds."""
        request = self._newest_first("unread_of", user_id, None)
        return await count_items(self._client, IndexName=UNREAD_INDEX, **request)

    async def mark(self, user_id: str, notification_id: str, *, read: bool) -> Notification:
        """Set whether it is read; raises `NotificationNotFound`."""
        change = "SET #read = :read REMOVE unread_of" if read else "SET #read = :read, unread_of = :user"
        values = {":read": read} if read else {":read": read, ":user": user_id}
        return _notification(await self._update(user_id, notification_id, change, values, {"#read": "read"}))

    async def mark_all_read(self, user_id: str) -> None:
        """Mark what the index holds, several at a time; what is read or deleted meanwhile is passed over."""
        free = asyncio.Semaphore(CONCURRENCY)

        async def mark(notification_id: str) -> None:
            async with free:
                try:
                    await self.mark(user_id, notification_id, read=True)
                except NotificationNotFound:
                    return

        async for ids in self._unread_ids(user_id):
            async with asyncio.TaskGroup() as group:
                for notification_id in ids:
                    group.create_task(mark(notification_id))

    async def delete(self, user_id: str, notification_id: str) -> None:
        """Hide it at once, and let it expire; raises `NotificationNotFound`."""
        change = "SET deleted_at = :now, expires_at = :expiry REMOVE unread_of"
        values = {":now": format_timestamp(datetime.now(UTC)), ":expiry": int(time.time()) + DELETED_DAYS * 86400}
        await self._update(user_id, notification_id, change, values, {})

    async def _update(
        self, user_id: str, notification_id: str, change: str, values: Mapping[str, Any], names: Mapping[str, str]
    ) -> dict[str, Any]:
        named = {"ExpressionAttributeNames": names} if names else {}
        try:
            answer = await self._client.update_item(
                TableName=self._table,
                Key=to_item({"user_id": user_id, "id": notification_id}),
                UpdateExpression=change,
                ConditionExpression=EXISTS,
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW",
                **named,
            )
        except ClientError as error:
            if is_condition_failure(error):
                raise NotificationNotFound from error
            raise
        return from_item(answer["Attributes"])

    async def _unread_ids(self, user_id: str) -> AsyncIterator[list[str]]:
        request = self._newest_first("unread_of", user_id, None)
        pages = self._client.get_paginator("query").paginate(IndexName=UNREAD_INDEX, **request)
        async for page in pages:
            yield [from_item(item)["id"] for item in page["Items"]]

    def _newest_first(self, key: str, user_id: str, before: str | None) -> dict[str, Any]:
        condition, values = f"{key} = :user", {":user": user_id}
        if before:
            condition, values = f"{condition} AND id < :before", values | {":before": before}
        return {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_item(values),
            "ScanIndexForward": False,
        }


def _listed(ids: list[str], rows: list[dict[str, Any]], limit: int) -> Listed:
    """The page made of the first `limit` ids, of which some may have no row any more."""
    by_id = {row["id"]: row for row in rows}
    items = [_notification(by_id[one]) for one in ids[:limit] if one in by_id]
    return items, ids[limit - 1] if len(ids) > limit else None


def _notification(row: Mapping[str, Any]) -> Notification:
    return Notification.model_validate(row)
