"""Composition root of the worker: it announces the ended sessions that the API could not."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from auth_service.dependencies import open_announcer
from auth_service.settings import AuthSettings
from servicekit.app import create_worker
from servicekit.aws import Aws
from servicekit.loops import Loop
from servicekit.server import serve


@asynccontextmanager
async def loops(settings: AuthSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Loop]]:
    """What runs, and what it is made of."""
    async with Aws(settings.region) as aws, open_announcer(settings, aws) as announcer:
        yield {"announcer": announcer.run}


def create(settings: AuthSettings) -> FastAPI:
    """The worker as an app that serves its health."""
    return create_worker(title="Messenger auth worker", loops=partial(loops, settings))


if __name__ == "__main__":
    auth_settings = AuthSettings()
    serve(create(auth_settings), auth_settings)
