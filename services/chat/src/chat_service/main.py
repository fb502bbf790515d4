"""Composition root of the API: what it is made of, and nothing else."""

from functools import partial

from fastapi import FastAPI

from chat_service.blocks.endpoints import router as blocks
from chat_service.commands.endpoints import router as commands
from chat_service.dependencies import lifespan
from chat_service.endpoints import ROUTERS
from chat_service.erasures.endpoints import router as erasures
from chat_service.exports.endpoints import router as exports
from chat_service.settings import ChatSettings
from servicekit.app import create_app
from servicekit.server import serve


def create(settings: ChatSettings) -> FastAPI:
    """The API as an app."""
    return create_app(
        settings,
        title="Messenger chat",
        lifespan=partial(lifespan, settings),
        routers=ROUTERS,
        internal=[commands, blocks, erasures, exports],
    )


if __name__ == "__main__":
    chat_settings = ChatSettings()
    serve(create(chat_settings), chat_settings)
