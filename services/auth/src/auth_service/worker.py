"""Composition root of the worker: it tells what the API left to be told, erases people and copies their data."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from auth_service.dependencies import make_notices, make_watch, open_announcer, open_departures
from auth_service.settings import AuthSettings
from servicekit.app import create_worker
from servicekit.aws import Aws
from servicekit.dynamodb_outbox import DynamoRelay
from servicekit.loops import Loop, repeated
from servicekit.server import serve
from servicekit.sns import Publisher


@asynccontextmanager
async def loops(settings: AuthSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Loop]]:
    """What runs, and what it is made of."""
    async with Aws(settings.region) as aws, open_announcer(settings, aws) as announcer:
        notices = await make_notices(settings, aws)
        relay = DynamoRelay(
            name="events",
            client=await aws.client("dynamodb"),
            table=settings.resource("outbox"),
            publisher=Publisher(await aws.client("sns"), settings.topic_arn("events")),
        )
        watch = await make_watch(settings, aws)
        async with open_departures(settings, aws, announcer) as (eraser, archiver):
            yield {
                "announcer": announcer.run,
                "notices": notices.run,
                "relay": relay.run,
                "erasures": repeated(eraser.step, 1.0),
                "exports": repeated(archiver.step, 1.0),
                "rotations": repeated(watch.step, 60.0),
            }


def create(settings: AuthSettings) -> FastAPI:
    """The worker as an app that serves its health."""
    return create_worker(title="Messenger auth worker", loops=partial(loops, settings))


if __name__ == "__main__":
    auth_settings = AuthSettings()
    serve(create(auth_settings), auth_settings)
