"""What the routes of notifications work with."""

from typing import Annotated

from fastapi import Depends, Request

from notification_service.notifications.service import NotificationService


async def _notifications(request: Request) -> NotificationService:
    service: NotificationService = request.state.notifications
    return service


Notifications = Annotated[NotificationService, Depends(_notifications)]
