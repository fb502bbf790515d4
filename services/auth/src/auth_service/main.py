"""Composition root of the API: what it is made of, and nothing else."""

from functools import partial

from fastapi import FastAPI

from auth_service.accounts.endpoints import internal as people
from auth_service.accounts.endpoints import router as accounts
from auth_service.dependencies import lifespan
from auth_service.erasures.endpoints import router as erasures
from auth_service.exports.endpoints import router as exports
from auth_service.federations.endpoints import router as federations
from auth_service.passwords.endpoints import router as passwords
from auth_service.sessions.endpoints import internal as renewals
from auth_service.sessions.endpoints import router as sessions
from auth_service.settings import AuthSettings
from auth_service.totp.endpoints import router as totp
from servicekit.app import create_app
from servicekit.server import serve


def create(settings: AuthSettings) -> FastAPI:
    """The API as an app."""
    return create_app(
        settings,
        title="Messenger auth",
        lifespan=partial(lifespan, settings),
        routers=[accounts, sessions, passwords, totp, federations, erasures, exports],
        internal=[people, renewals],
    )


if __name__ == "__main__":
    auth_settings = AuthSettings()
    serve(create(auth_settings), auth_settings)
