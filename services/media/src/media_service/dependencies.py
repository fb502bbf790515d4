"""What lives as long as the process: connections, keys, and what API and worker are both made of."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from media_service.albums.repository import AlbumRepository
from media_service.albums.service import AlbumService
from media_service.announcements.service import AnnouncementService
from media_service.deliveries.models import Signer
from media_service.deliveries.repository import CloudFrontSigner, S3Signer, read_private_key
from media_service.deliveries.service import DeliveryService
from media_service.departures.repository import DepartureRepository
from media_service.erasures.repository import ErasureRepository
from media_service.erasures.service import RemainsService
from media_service.exports.service import ExportService
from media_service.files.repository import DigestRepository, FileRepository
from media_service.grants.repository import GrantRepository, UseRepository
from media_service.grants.service import GrantService
from media_service.library.repository import LibraryRepository
from media_service.library.service import LibraryService
from media_service.objects.repository import ObjectRepository
from media_service.quotas.repository import QuotaRepository
from media_service.settings import MediaSettings
from media_service.states.service import StateService
from media_service.uploads.service import UploadService
from servicekit.aws import Aws
from servicekit.cursors import Cursors
from servicekit.dynamodb_idempotency import DynamoIdempotency
from servicekit.dynamodb_outbox import DynamoOutbox
from servicekit.fanout import FanoutPublisher
from servicekit.identity import identity_verifier
from servicekit.keys import key_ring
from servicekit.valkey import create_valkey


@dataclass(frozen=True)
class Stores:
    """Where things are kept."""

    dynamodb: Any
    files: FileRepository
    digests: DigestRepository
    quotas: QuotaRepository
    library: LibraryRepository
    objects: ObjectRepository
    departures: DepartureRepository
    answers: DynamoIdempotency
    erasures: ErasureRepository
    outbox: DynamoOutbox


@dataclass(frozen=True)
class Services:
    """What API and worker both use."""

    states: StateService
    uploads: UploadService
    grants: GrantService
    library: LibraryService
    albums: AlbumService


async def open_stores(settings: MediaSettings, aws: Aws) -> Stores:
    """The stores, over clients that close with `aws`."""
    dynamodb, s3 = await aws.client("dynamodb"), await aws.client("s3")
    table = settings.resource
    return Stores(
        dynamodb=dynamodb,
        files=FileRepository(dynamodb, table("media")),
        digests=DigestRepository(dynamodb, table("digests")),
        quotas=QuotaRepository(dynamodb, table("quotas"), settings.quota_bytes),
        library=LibraryRepository(dynamodb, table("media"), table("tags")),
        objects=ObjectRepository(s3, settings.bucket, await aws.client("s3", settings.s3_public_url)),
        departures=DepartureRepository(dynamodb, table("departures")),
        answers=DynamoIdempotency(dynamodb, table("answers")),
        erasures=ErasureRepository(dynamodb, grants=table("grants"), digests=table("digests"), quotas=table("quotas")),
        outbox=DynamoOutbox(table("outbox")),
    )


def make_services(settings: MediaSettings, stores: Stores, announcements: AnnouncementService) -> Services:
    """The services, over these stores."""
    dynamodb, table = stores.dynamodb, settings.resource
    states = StateService(stores.files, stores.digests, stores.quotas, stores.outbox, settings, announcements)
    uses = UseRepository(dynamodb, table("uses"))
    grants = GrantService(stores.files, states, GrantRepository(dynamodb, table("grants"), stores.departures), uses)
    return Services(
        states=states,
        uploads=UploadService(
            files=stores.files,
            states=states,
            digests=stores.digests,
            quotas=stores.quotas,
            departures=stores.departures,
            objects=stores.objects,
            answers=stores.answers,
            settings=settings,
        ),
        grants=grants,
        library=LibraryService(
            files=stores.files,
            library=stores.library,
            quotas=stores.quotas,
            outbox=stores.outbox,
            settings=settings,
        ),
        albums=AlbumService(
            AlbumRepository(dynamodb, table("albums"), table("grants")),
            grants,
            stores.departures,
            stores.answers,
            stores.outbox,
        ),
    )


async def open_signer(settings: MediaSettings, aws: Aws) -> Signer:
    """Whoever signs the URLs that files are fetched by."""
    if settings.delivery == "cloudfront":
        key = await read_private_key(await aws.client("secretsmanager"), settings.resource("cloudfront-key"))
        return CloudFrontSigner(settings.cloudfront_url, settings.cloudfront_key_id, key)
    public = await aws.client("s3", settings.s3_public_url)
    url = f"{public.meta.endpoint_url}/{settings.bucket}"
    return S3Signer(aws.credentials, region=settings.region, bucket_url=url)


@asynccontextmanager
async def open_announcements(
    settings: MediaSettings, deliveries: DeliveryService
) -> AsyncIterator[AnnouncementService]:
    """What owners are told live, over a connection that ends with the block."""
    async with create_valkey(settings.valkey_url, settings.client_name) as valkey:
        yield AnnouncementService(deliveries, FanoutPublisher(valkey), settings.resource_prefix)


@asynccontextmanager
async def lifespan(settings: MediaSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open what the routes find in `request.state`."""
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(Aws(settings.region))
        stores = await open_stores(settings, aws)
        deliveries = DeliveryService(await open_signer(settings, aws), settings.url_window_seconds)
        announcements = await stack.enter_async_context(open_announcements(settings, deliveries))
        services = make_services(settings, stores, announcements)
        app.state.health.require("media", stores.files.check)
        cursor_keys = await key_ring(aws, settings.resource("cursor"), settings.key_seconds)
        yield {
            "identity": await identity_verifier(aws, settings),
            "uploads": services.uploads,
            "library": services.library,
            "grants": services.grants,
            "albums": services.albums,
            "remains": RemainsService(stores.files, stores.answers, stores.erasures),
            "exports": ExportService(stores.files, services.library, services.albums, stores.objects),
            "deliveries": deliveries,
            "cursors": Cursors(cursor_keys, "media"),
            "album_cursors": Cursors(cursor_keys, "albums"),
        }
