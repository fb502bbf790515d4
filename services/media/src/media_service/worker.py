"""Composition root of the worker: the relay of events, the consumers of the queues, and the sweep."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from media_service.consumers import erasure_handlers, inbox_handlers, message_handlers, parse_work, work_handlers
from media_service.deliveries.service import DeliveryService
from media_service.dependencies import (
    Services,
    Stores,
    make_services,
    open_announcements,
    open_signer,
    open_stores,
)
from media_service.erasures.service import BATCH, ErasureService
from media_service.library.service import PurgeService
from media_service.processing.dependencies import open_processing
from media_service.settings import MediaSettings
from media_service.sweeps.service import SweepService
from servicekit.app import create_worker
from servicekit.aws import Aws
from servicekit.dynamodb_outbox import DynamoRelay
from servicekit.inbox import Consumer
from servicekit.loops import Loop, repeated
from servicekit.server import serve
from servicekit.sns import Publisher
from servicekit.telemetry import Tracing


@asynccontextmanager
async def loops(settings: MediaSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Loop]]:
    """What runs, and what it is made of."""
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(Aws(settings.region))
        stores = await open_stores(settings, aws)
        deliveries = DeliveryService(await open_signer(settings, aws), settings.url_window_seconds)
        announcements = await stack.enter_async_context(open_announcements(settings, deliveries))
        services = make_services(settings, stores, announcements)
        app.state.health.require("media", stores.files.check)
        relay = DynamoRelay(
            name="events",
            client=stores.dynamodb,
            table=settings.resource("outbox"),
            publisher=Publisher(await aws.client("sns"), settings.topic_arn("events")),
        )
        consume = partial(
            Consumer,
            sqs=await aws.client("sqs"),
            visibility_seconds=settings.visibility_seconds,
            retry_seconds=settings.retry_seconds,
            tracing=Tracing(settings.trace_ratio if settings.otlp_endpoint else 0.0),
        )
        inbox = consume(queue=settings.resource("inbox"), handlers=inbox_handlers(services.grants, services.albums))
        messages = consume(queue=settings.resource("messages"), handlers=message_handlers(services.grants))
        erasures = make_erasures(stores, services)
        erased = consume(queue=settings.resource("erasures"), handlers=erasure_handlers(erasures), pollers=1)
        processing = await stack.enter_async_context(open_processing(settings, services.states, stores.objects))
        work = consume(queue=settings.resource("work"), handlers=work_handlers(processing), parse=parse_work)
        sweep = make_sweep(settings, stores, services)
        yield {
            "relay": relay.run,
            "inbox": inbox.run,
            "messages": messages.run,
            "work": work.run,
            "erasures": erased.run,
            "sweep": repeated(sweep.step, settings.sweep_seconds),
        }


def make_erasures(stores: Stores, services: Services, *, batch: int = BATCH) -> ErasureService:
    """What forgets people."""
    return ErasureService(
        departures=stores.departures,
        files=stores.files,
        library=services.library,
        purges=make_purges(stores),
        albums=services.albums,
        answers=stores.answers,
        repository=stores.erasures,
        batch=batch,
    )


def make_purges(stores: Stores) -> PurgeService:
    """What removes files for good."""
    return PurgeService(
        files=stores.files,
        digests=stores.digests,
        library=stores.library,
        quotas=stores.quotas,
        objects=stores.objects,
        outbox=stores.outbox,
        client=stores.dynamodb,
    )


def make_sweep(settings: MediaSettings, stores: Stores, services: Services) -> SweepService:
    """What takes care of what is due."""
    return SweepService(
        files=stores.files,
        states=services.states,
        uploads=services.uploads,
        library=services.library,
        albums=services.albums,
        purges=make_purges(stores),
        outbox=stores.outbox,
        settings=settings,
    )


def create(settings: MediaSettings) -> FastAPI:
    """The worker as an app that serves its health."""
    return create_worker(title="Messenger media worker", loops=partial(loops, settings))


if __name__ == "__main__":
    media_settings = MediaSettings()
    serve(create(media_settings), media_settings)
