"""Composition root of the worker: the relay from the log to SNS, and what happens to messages at their time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from fastapi import FastAPI

from chat_service.arrivals.repository import ArrivalRepository
from chat_service.arrivals.service import ArrivalService
from chat_service.blocks.repository import BlockRepository
from chat_service.blocks.service import BlockService
from chat_service.consumers import arrival_handlers, erasure_handlers, handlers
from chat_service.conversations.repository import ConversationRepository
from chat_service.conversations.service import InboxService, MembershipService
from chat_service.erasures.repository import ErasureRepository
from chat_service.erasures.service import ErasureService
from chat_service.files.repository import MediaRepository
from chat_service.files.service import FileService
from chat_service.log.repository import LogRepository
from chat_service.log.service import ChangeService, LiveService
from chat_service.messages.repository import MessageRepository
from chat_service.messages.service import MessageChanges, MessageCommands, MessageFinder
from chat_service.previews.fetcher import FetchLimits, NameResolver, PageFetcher
from chat_service.previews.repository import LinkRepository, PreviewRepository
from chat_service.previews.service import FETCHES_AT_ONCE, LinkSource, PreviewService
from chat_service.relay.repository import RelayRepository
from chat_service.relay.service import LogSource
from chat_service.retention.repository import RetentionRepository
from chat_service.retention.service import Ages, Expiry, Retention
from chat_service.schedules.repository import ScheduleRepository
from chat_service.schedules.service import DueMessages
from chat_service.search.repository import WordRepository
from chat_service.search.service import WordSource
from chat_service.sends.repository import SendRepository
from chat_service.sends.service import MessageSender
from chat_service.settings import ChatSettings
from servicekit.app import create_worker
from servicekit.aws import Aws
from servicekit.fanout import FanoutPublisher
from servicekit.follower import Follower
from servicekit.http import ServiceClient
from servicekit.identity import service_signer
from servicekit.inbox import Consumer
from servicekit.loops import Loop, repeated
from servicekit.outbox import PostgresRelay
from servicekit.postgres import Database, DirectConnection, create_engine
from servicekit.postgres_idempotency import PostgresIdempotency
from servicekit.postgres_ledger import PostgresLedger
from servicekit.server import serve
from servicekit.sns import Publisher
from servicekit.telemetry import Tracing
from servicekit.valkey import create_valkey


@asynccontextmanager
async def loops(settings: ChatSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Loop]]:
    """What runs, and what it is made of."""
    url, tls, namespace = settings.database_url.get_secret_value(), settings.database_tls, settings.resource_prefix
    async with (
        Database(create_engine(url, name="chat-worker", batches=True, tls=tls)) as database,
        create_valkey(settings.valkey_url, settings.client_name) as valkey,
        ServiceClient("media", settings.media_url, timeout=settings.media_seconds) as media,
        Aws(settings.region) as aws,
    ):
        app.state.health.require("database", database.check)
        publisher = Publisher(await aws.client("sns"), settings.topic_arn("events"))
        source = LogSource(RelayRepository(settings.notify_all))
        relay = PostgresRelay(
            name="log", database=database, source=source, publisher=publisher, batch=settings.relay_batch
        )
        words = Follower(name="search", database=database, source=WordSource(WordRepository()))
        files, fanout = (
            FileService(MediaRepository(media, await service_signer(aws, settings))),
            FanoutPublisher(valkey),
        )
        connect = partial(DirectConnection, url, name="chat-worker-sends", tls=tls)
        sender = MessageSender(connect, SendRepository(), fanout, namespace, files)
        live = LiveService(fanout, namespace, files)
        changes = ChangeService(database, LogRepository(), live)
        messages = _messages(changes, files)
        yield {
            "relay": relay.run,
            "search": repeated(words.step, 0.2),
            "idempotency": repeated(partial(PostgresIdempotency.purge, database), 600.0),
            **_timely(settings, database, sender, messages),
            **_told(settings, database, await aws.client("sqs"), live, changes, messages),
            **(_previews(database, changes) if settings.previews else {}),
        }
        await sender.drain()
        await files.drain()


def _timely(
    settings: ChatSettings, database: Database, sender: MessageSender, messages: MessageCommands
) -> Mapping[str, Loop]:
    """What happens to messages because their time has come."""
    ages = Ages(content=timedelta(settings.retention_days), reports=timedelta(settings.report_retention_days))
    return {
        "scheduled": repeated(DueMessages(database, ScheduleRepository(), sender).step, 0.5),
        "expiry": repeated(Expiry(database, RetentionRepository(), messages).step, 1.0),
        "retention": repeated(Retention(database, RetentionRepository(), ages).step, 60.0),
    }


def _told(
    settings: ChatSettings,
    database: Database,
    sqs: Any,
    live: LiveService,
    changes: ChangeService,
    messages: MessageCommands,
) -> Mapping[str, Loop]:
    """What other services tell."""
    consume = partial(Consumer, sqs=sqs, tracing=Tracing(settings.trace_ratio if settings.otlp_endpoint else 0.0))
    inboxes = InboxService(ConversationRepository())
    blocks = BlockService(database, PostgresLedger(database), BlockRepository(), inboxes, live)
    erasures = ErasureService(database, ErasureRepository(), changes, messages)
    arrivals = ArrivalService(database, changes, ArrivalRepository())
    return {
        "blocks": consume(queue=settings.resource("blocks"), handlers=handlers(blocks)).run,
        "erasures": consume(queue=settings.resource("erasures"), handlers=erasure_handlers(erasures), pollers=1).run,
        "files": consume(queue=settings.resource("files"), handlers=arrival_handlers(arrivals), pollers=1).run,
        "arrivals": repeated(arrivals.step, 0.2),
        "late": repeated(arrivals.purge, 600.0),
    }


def _messages(changes: ChangeService, files: FileService) -> MessageCommands:
    repository = MessageRepository()
    finder = MessageFinder(MembershipService(ConversationRepository()), repository)
    return MessageCommands(changes, MessageChanges(changes, finder), repository, files)


def _previews(database: Database, changes: ChangeService) -> Mapping[str, Loop]:
    links = Follower(name="previews", database=database, source=LinkSource(LinkRepository()))
    fetcher = PageFetcher(FetchLimits(at_once=FETCHES_AT_ONCE), resolve=NameResolver(FETCHES_AT_ONCE))
    previews = PreviewService(database, PreviewRepository(), changes, fetcher)
    return {"links": repeated(links.step, 0.2), "previews": previews.run}


def create(settings: ChatSettings) -> FastAPI:
    """The worker as an app that serves its health."""
    return create_worker(title="Messenger chat worker", loops=partial(loops, settings))


if __name__ == "__main__":
    chat_settings = ChatSettings()
    serve(create(chat_settings), chat_settings)
