"""Use case of exports: a person's inbox, a page at a time."""

from messenger_contracts.personal_data import PersonalPage, PersonalRecord
from notification_service.notifications.service import NotificationService


class ExportService:
    """Reads for auth, on behalf of one person."""

    def __init__(self, notifications: NotificationService) -> None:
        self._notifications = notifications

    async def page(self, user_id: str, cursor: str | None, limit: int) -> PersonalPage:
        """Notifications, newest first, behind the one that the cursor names."""
        items, position = await self._notifications.behind(user_id, cursor, limit)
        records = [PersonalRecord(kind="notifications", data=item.model_dump(mode="json")) for item in items]
        return PersonalPage(items=records, next=position)
