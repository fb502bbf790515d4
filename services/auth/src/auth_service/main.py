"""Composition root of the API: what it is made of, and nothing else."""

from functools import partial

from fastapi import FastAPI

from auth_service.accounts.endpoints import internal as people
from auth_service.accounts.endpoints import router as accounts
from auth_service.dependencies import lifespan
from auth_service.sessions.endpoints import router as sessions
from auth_service.settings import AuthSettings
from servicekit.app import create_app
from servicekit.server import serve


def create(settings: AuthSettings) -> FastAPI:
    """The API as an app."""
    return create_app(
        settings,
        title="Messenger auth",
        lifespan=partial(lifespan, settings),
        routers=[accounts, sessions],
        internal=[people],
    )


if __name__ == "__main__":
    auth_settings = AuthSettings()
    serve(create(auth_settings), auth_settings)
