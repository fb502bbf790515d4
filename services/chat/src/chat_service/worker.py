"""Composition root of the worker: the relay from the log to SNS."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from chat_service.relay.repository import RelayRepository
from chat_service.relay.service import LogSource
from chat_service.settings import ChatSettings
from servicekit.app import create_worker
from servicekit.aws import Aws
from servicekit.loops import Loop
from servicekit.outbox import PostgresRelay
from servicekit.postgres import Database, create_engine
from servicekit.server import serve
from servicekit.sns import Publisher


@asynccontextmanager
async def loops(settings: ChatSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Loop]]:
    """What runs, and what it is made of."""
    engine = create_engine(settings.database_url.get_secret_value(), name="chat-worker", tls=settings.database_tls)
    database = Database(engine)
    app.state.health.require("database", database.check)
    async with Aws(settings.region) as aws:
        publisher = Publisher(await aws.client("sns"), settings.topic_arn("events"))
        source = LogSource(RelayRepository(settings.notify_all))
        relay = PostgresRelay(
            name="log", database=database, source=source, publisher=publisher, batch=settings.relay_batch
        )
        yield {"relay": relay.run}
    await database.close()


def create(settings: ChatSettings) -> FastAPI:
    """The worker as an app that serves its health."""
    return create_worker(title="Messenger chat worker", loops=partial(loops, settings))


if __name__ == "__main__":
    chat_settings = ChatSettings()
    serve(create(chat_settings), chat_settings)
