"""Composition root of the worker: the relay from the log to SNS, and what happens to messages at their time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

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
    engine = create_engine(
        settings.database_url.get_secret_value(), name="chat-worker", batches=True, tls=settings.database_tls
    )
    database = Database(engine)
    app.state.health.require("database", database.check)
    async with Aws(settings.region) as aws:
        publisher = Publisher(await aws.client("sns"), settings.topic_arn("events"))
        source = LogSource(RelayRepository(settings.notify_all))
        relay = PostgresRelay(
            name="log", database=database, source=source, publisher=publisher, batch=settings.relay_batch
        )
        words = Follower(name="search", database=database, source=WordSource(WordRepository()))
        media = ServiceClient("media", settings.media_url, timeout=settings.media_seconds)
        files = FileService(MediaRepository(media, await service_signer(aws, settings)))
        async with _timely(settings, database, files) as timely, _outside(settings, database, files, aws) as outside:
            keys = repeated(partial(PostgresIdempotency.purge, database), 600.0)
            yield {"relay": relay.run, "search": repeated(words.step, 0.2), "idempotency": keys, **timely, **outside}
        await files.drain()
        await media.close()
    await database.close()


@asynccontextmanager
async def _timely(settings: ChatSettings, database: Database, files: FileService) -> AsyncIterator[Mapping[str, Loop]]:
    """What happens to messages because their time has come."""
    url, tls, namespace = settings.database_url.get_secret_value(), settings.database_tls, settings.resource_prefix
    valkey = create_valkey(settings.valkey_url)
    fanout = FanoutPublisher(valkey)
    connect = partial(DirectConnection, url, name="chat-worker-sends", tls=tls)
    sender = MessageSender(connect, SendRepository(), fanout, namespace, files)
    messages = _messages(ChangeService(database, LogRepository(), LiveService(fanout, namespace, files)), files)
    ages = Ages(content=timedelta(settings.retention_days), reports=timedelta(settings.report_retention_days))
    yield {
        "scheduled": repeated(DueMessages(database, ScheduleRepository(), sender).step, 0.5),
        "expiry": repeated(Expiry(database, RetentionRepository(), messages).step, 1.0),
        "retention": repeated(Retention(database, RetentionRepository(), ages).step, 60.0),
    }
    await sender.drain()
    await valkey.aclose()


@asynccontextmanager
async def _outside(
    settings: ChatSettings, database: Database, files: FileService, aws: Aws
) -> AsyncIterator[Mapping[str, Loop]]:
    """What other services tell, and what stands on pages that messages link to."""
    valkey, ledger, inboxes = create_valkey(settings.valkey_url), PostgresLedger(database), ConversationRepository()
    live = LiveService(FanoutPublisher(valkey), settings.resource_prefix, files)
    changes = ChangeService(database, LogRepository(), live)
    consume = partial(
        Consumer,
        sqs=await aws.client("sqs"),
        tracing=Tracing(settings.trace_ratio if settings.otlp_endpoint else 0.0),
    )
    blocks = consume(
        queue=settings.resource("blocks"),
        handlers=handlers(BlockService(database, ledger, BlockRepository(), InboxService(inboxes), live)),
    )
    erasures = consume(
        queue=settings.resource("erasures"),
        handlers=erasure_handlers(ErasureService(database, ErasureRepository(), changes, _messages(changes, files))),
        pollers=1,
    )
    arrivals = ArrivalService(database, changes, ArrivalRepository())
    settled = consume(queue=settings.resource("files"), handlers=arrival_handlers(arrivals), pollers=1)
    yield {
        "blocks": blocks.run,
        "erasures": erasures.run,
        "files": settled.run,
        "arrivals": repeated(arrivals.step, 0.2),
        "late": repeated(arrivals.purge, 600.0),
        **(_previews(database, changes) if settings.previews else {}),
    }
    await valkey.aclose()


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
