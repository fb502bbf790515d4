"""Composition root of the API: what it is made of, and nothing else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from notification_service.notifications.endpoints import router as notifications
from notification_service.notifications.repository import NotificationRepository
from notification_service.notifications.service import NotificationService
from notification_service.settings import NotificationSettings
from servicekit.app import create_app
from servicekit.aws import Aws
from servicekit.cursors import Cursors
from servicekit.identity import identity_verifier
from servicekit.keys import key_ring
from servicekit.server import serve


@asynccontextmanager
async def lifespan(settings: NotificationSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open what the routes find in `request.state`."""
    async with Aws(settings.region) as aws:
        repository = NotificationRepository(await aws.client("dynamodb"), settings.resource("notifications"))
        app.state.health.require("notifications", repository.check)
        cursors = Cursors(await key_ring(aws, settings.resource("cursor")), "notifications")
        identity = await identity_verifier(aws, settings)
        yield {"identity": identity, "notifications": NotificationService(repository, cursors)}


def create(settings: NotificationSettings) -> FastAPI:
    """The API as an app."""
    return create_app(
        settings, title="Messenger notification", lifespan=partial(lifespan, settings), routers=[notifications]
    )


if __name__ == "__main__":
    notification_settings = NotificationSettings()
    serve(create(notification_settings), notification_settings)
