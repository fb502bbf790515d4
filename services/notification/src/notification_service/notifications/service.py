"""What a person does with an inbox, and what events put into it."""

from messenger_contracts.envelope import Event
from messenger_contracts.events.chat import MessageCreated
from messenger_contracts.notifications import Notification
from messenger_contracts.pagination import Page
from messenger_contracts.realtime import Fanout, Push, user_channel
from notification_service.notifications.domain import Chunk, chunks
from notification_service.notifications.repository import NotificationRepository
from servicekit.cursors import Cursors
from servicekit.fanout import FanoutPublisher
from servicekit.inbox import DynamoLedger


class NotificationService:
    """One person's view of the inbox."""

    def __init__(self, repository: NotificationRepository, cursors: Cursors) -> None:
        self._repository = repository
        self._cursors = cursors

    async def page(self, user_id: str, *, unread: bool, cursor: str | None, limit: int) -> Page[Notification]:
        """Newest first; raises what `Cursors.read` raises for a cursor that is not good."""
        before = await self._cursors.read(user_id, cursor) if cursor else None
        read = self._repository.unread if unread else self._repository.newest
        items, position = await read(user_id, before, limit)
        return Page(items=items, next=position and await self._cursors.make(user_id, position))

    async def behind(self, user_id: str, position: str | None, limit: int) -> tuple[list[Notification], str | None]:
        """Newest first behind a position, and the position where it goes on: for our own services."""
        return await self._repository.newest(user_id, position, limit)

    async def count_unread(self, user_id: str) -> int:
        """How many are neither read nor deleted."""
        return await self._repository.count_unread(user_id)

    async def mark(self, user_id: str, notification_id: str, *, read: bool) -> Notification:
        """Mark one; raises `NotificationNotFound`."""
        return await self._repository.mark(user_id, notification_id, read=read)

    async def mark_all_read(self, user_id: str) -> None:
        """Mark all; what arrives meanwhile stays unread."""
        await self._repository.mark_all_read(user_id)

    async def delete(self, user_id: str, notification_id: str) -> None:
        """Hide one at once, to be removed later; raises `NotificationNotFound`."""
        await self._repository.delete(user_id, notification_id)


class DeliveryService:
    """Puts notifications into inboxes, each once, and then onto the sockets of those who are there."""

    def __init__(
        self, repository: NotificationRepository, ledger: DynamoLedger, fanout: FanoutPublisher, namespace: str
    ) -> None:
        self._repository = repository
        self._ledger = ledger
        self._fanout = fanout
        self._namespace = namespace

    async def message_created(self, event: Event[MessageCreated]) -> None:
        """Tell the recipients of a message. A chunk that was told before is passed over without a push."""
        for chunk in chunks(event):
            if await self._ledger.once(chunk.ledger_id, self._repository.insertion(chunk.notifications, event.id)):
                await self._push(chunk)

    async def _push(self, chunk: Chunk) -> None:
        await self._fanout.publish(
            [
                (user_channel(self._namespace, user_id), Fanout(pushes=[_push_of(notification)]))
                for user_id, notification in chunk.notifications.items()
            ]
        )


def _push_of(notification: Notification) -> dict[str, object]:
    return Push(op="notification", d=notification.model_dump(mode="json")).model_dump()
