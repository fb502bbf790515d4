"""Routes of notifications. All of them are about the caller's own."""

from fastapi import APIRouter, Response

from messenger_contracts.notifications import Notification
from messenger_contracts.pagination import DEFAULT_LIMIT, Page
from notification_service.notifications.dependencies import Notifications
from notification_service.notifications.schemas import IdPath, NotificationPatch, UnreadCount, UnreadQuery
from servicekit.identity import CurrentUser
from servicekit.lists import CursorQuery, LimitQuery, link_next

PATH = "/v1/notifications"
router = APIRouter(prefix=PATH, tags=["notifications"])


@router.get("")
async def inbox(
    caller: CurrentUser,
    notifications: Notifications,
    response: Response,
    unread: UnreadQuery = False,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[Notification]:
    """List notifications, newest first. With `unread`, a page may hold fewer than `limit` and still have a next."""
    page = await notifications.page(caller.user_id, unread=unread, cursor=cursor, limit=limit)
    link_next(response, page, PATH, limit, **({"unread": "true"} if unread else {}))
    return page


@router.get("/unread-count")
async def unread_count(caller: CurrentUser, notifications: Notifications) -> UnreadCount:
    """Count what is not read."""
    return UnreadCount(unread=await notifications.count_unread(caller.user_id))


@router.post("/read-all", status_code=204)
async def read_all(caller: CurrentUser, notifications: Notifications) -> None:
    """Mark everything as read that was there when this was asked."""
    await notifications.mark_all_read(caller.user_id)


@router.patch("/{notification_id}")
async def mark(
    notification_id: IdPath, body: NotificationPatch, caller: CurrentUser, notifications: Notifications
) -> Notification:
    """Mark a notification as read, or as unread again."""
    return await notifications.mark(caller.user_id, notification_id, read=body.read)


@router.delete("/{notification_id}", status_code=204)
async def delete(notification_id: IdPath, caller: CurrentUser, notifications: Notifications) -> None:
    """Delete a notification."""
    await notifications.delete(caller.user_id, notification_id)
