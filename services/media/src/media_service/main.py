"""Composition root of the API: what it is made of, and nothing else."""

from functools import partial

from fastapi import FastAPI

from media_service.albums.endpoints import router as albums
from media_service.dependencies import lifespan
from media_service.erasures.endpoints import router as erasures
from media_service.exports.endpoints import router as exports
from media_service.library.endpoints import internal
from media_service.library.endpoints import router as library
from media_service.settings import MediaSettings
from media_service.uploads.endpoints import router as uploads
from servicekit.app import create_app
from servicekit.server import serve


def create(settings: MediaSettings) -> FastAPI:
    """The API as an app."""
    return create_app(
        settings,
        title="Messenger media",
        lifespan=partial(lifespan, settings),
        routers=[uploads, library, albums],
        internal=[internal, erasures, exports],
    )


if __name__ == "__main__":
    media_settings = MediaSettings()
    serve(create(media_settings), media_settings)
