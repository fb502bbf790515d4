"""Composition root of the API: what it is made of, and nothing else."""

from functools import partial

from fastapi import FastAPI

from notification_service.dependencies import lifespan
from notification_service.erasures.endpoints import router as erasures
from notification_service.exports.endpoints import router as exports
from notification_service.notifications.endpoints import router as notifications
from notification_service.settings import NotificationSettings
from servicekit.app import create_app
from servicekit.server import serve


def create(settings: NotificationSettings) -> FastAPI:
    """The API as an app."""
    return create_app(
        settings,
        title="Messenger notification",
        lifespan=partial(lifespan, settings),
        routers=[notifications],
        internal=[erasures, exports],
    )


if __name__ == "__main__":
    notification_settings = NotificationSettings()
    serve(create(notification_settings), notification_settings)
