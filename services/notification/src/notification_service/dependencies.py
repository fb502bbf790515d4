"""What lives as long as the process: connections and keys."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from notification_service.erasures.repository import ErasureRepository
from notification_service.erasures.service import ErasureService
from notification_service.exports.service import ExportService
from notification_service.notifications.repository import NotificationRepository
from notification_service.notifications.service import NotificationService
from notification_service.settings import NotificationSettings
from servicekit.aws import Aws
from servicekit.cursors import Cursors
from servicekit.identity import identity_verifier
from servicekit.keys import key_ring


@asynccontextmanager
async def lifespan(settings: NotificationSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open what the routes find in `request.state`."""
    async with Aws(settings.region) as aws:
        dynamodb, table = await aws.client("dynamodb"), settings.resource("notifications")
        repository = NotificationRepository(dynamodb, table)
        app.state.health.require("notifications", repository.check)
        cursors = Cursors(await key_ring(aws, settings.resource("cursor"), settings.key_seconds), "notifications")
        identity = await identity_verifier(aws, settings)
        notifications = NotificationService(repository, cursors)
        yield {
            "identity": identity,
            "notifications": notifications,
            "erasures": ErasureService(ErasureRepository(dynamodb, table)),
            "exports": ExportService(notifications),
        }
