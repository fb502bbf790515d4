"""Composition root of the worker: the consumers that turn events into notifications, and forget people."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from notification_service.consumers import erasure_handlers, handlers
from notification_service.erasures.repository import ErasureRepository
from notification_service.erasures.service import ErasureService
from notification_service.notifications.repository import NotificationRepository
from notification_service.notifications.service import DeliveryService
from notification_service.settings import NotificationSettings
from servicekit.app import create_worker
from servicekit.aws import Aws
from servicekit.fanout import FanoutPublisher
from servicekit.inbox import Consumer, DynamoLedger
from servicekit.loops import Loop
from servicekit.server import serve
from servicekit.telemetry import Tracing
from servicekit.valkey import create_valkey


@asynccontextmanager
async def loops(settings: NotificationSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Loop]]:
    """What runs, and what it is made of."""
    async with create_valkey(settings.valkey_url, settings.client_name) as valkey, Aws(settings.region) as aws:
        dynamodb = await aws.client("dynamodb")
        repository = NotificationRepository(dynamodb, settings.resource("notifications"))
        app.state.health.require("notifications", repository.check)
        ledger = DynamoLedger(dynamodb, settings.resource("ledger"))
        delivery = DeliveryService(repository, ledger, FanoutPublisher(valkey), settings.resource_prefix)
        erasures = ErasureService(ErasureRepository(dynamodb, settings.resource("notifications")))
        consume = partial(
            Consumer,
            sqs=await aws.client("sqs"),
            visibility_seconds=settings.visibility_seconds,
            retry_seconds=settings.retry_seconds,
            tracing=Tracing(settings.trace_ratio if settings.otlp_endpoint else 0.0),
        )
        inbox = consume(queue=settings.resource("inbox"), handlers=handlers(delivery))
        erased = consume(queue=settings.resource("erasures"), handlers=erasure_handlers(erasures), pollers=1)
        yield {"inbox": inbox.run, "erasures": erased.run}


def create(settings: NotificationSettings) -> FastAPI:
    """The worker as an app that serves its health."""
    return create_worker(title="Messenger notification worker", loops=partial(loops, settings))


if __name__ == "__main__":
    notification_settings = NotificationSettings()
    serve(create(notification_settings), notification_settings)
