"""Which message leads to what.

The queue `inbox` holds events of other services, `messages` those messages that carry files, which are few of them all,
`erasures` who is to be forgotten, and `work` what is to be processed:
our own events, and what S3 says of objects that have arrived
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from pydantic import BaseModel, Field

from media_service.albums.service import AlbumService
from media_service.erasures.service import ErasureService
from media_service.files.domain import media_id_of
from media_service.grants.service import GrantService
from media_service.processing.service import ProcessingService
from messenger_contracts.envelope import Event, EventData, schema_uri
from messenger_contracts.events.auth import ErasureRequested
from messenger_contracts.events.chat import (
    ConversationUpdated,
    MemberJoined,
    MemberLeft,
    MessageCreated,
    MessageDeleted,
)
from messenger_contracts.events.media import AlbumDeleted, MediaCropRequested, MediaUploaded
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from servicekit.inbox import Handler, parse_event


def inbox_handlers(grants: GrantService, albums: AlbumService) -> Mapping[type[EventData], Handler]:
    """The handler of each type of event that the queue `inbox` holds."""
    return {
        MessageDeleted: grants.message_deleted,
        ConversationUpdated: grants.conversation_updated,
        MemberJoined: grants.member_changed,
        MemberLeft: grants.member_changed,
        UserBlocked: grants.block_changed,
        UserUnblocked: grants.block_changed,
        AlbumDeleted: albums.clear,
    }


def message_handlers(grants: GrantService) -> Mapping[type[EventData], Handler]:
    """The handler of the queue of messages with files."""
    return {MessageCreated: grants.message_created}


def erasure_handlers(erasures: ErasureService) -> Mapping[type[EventData], Handler]:
    """The handler of the queue of erasures. It needs no ledger: to erase what is not there is harmless."""

    async def erasure_requested(event: Event[ErasureRequested]) -> None:
        await erasures.erase(event.data.user_id)

    return {ErasureRequested: erasure_requested}


def work_handlers(processing: ProcessingService) -> Mapping[type[EventData], Handler]:
    """The handler of each type of event that the queue `work` holds."""

    async def objects_arrived(event: Event[ObjectsArrived]) -> None:
        for media_id in event.data.media_ids:
            await processing.process(media_id)

    async def uploaded(event: Event[MediaUploaded]) -> None:
        await processing.process(event.data.media_id)

    async def crop_requested(event: Event[MediaCropRequested]) -> None:
        await processing.crop(event.data.media_id, event.data.name)

    return {ObjectsArrived: objects_arrived, MediaUploaded: uploaded, MediaCropRequested: crop_requested}


class ObjectsArrived(EventData):
    """S3 says that uploads are complete. None of our contracts: it stays between the bucket and the worker."""

    TYPE: ClassVar[str] = "s3.objects.created"

    media_ids: list[str]


class _Object(BaseModel):
    key: str


class _Content(BaseModel):
    object: _Object


class _Record(BaseModel):
    s3: _Content


class _Notification(BaseModel):
    """What S3 sends; a test of the connection, which has no records, is known by `Event`."""

    records: list[_Record] | None = Field(None, alias="Records")
    event: str | None = Field(None, alias="Event")

    @property
    def is_from_s3(self) -> bool:
        return self.records is not None or self.event == "s3:TestEvent"


def parse_work(body: str) -> Event[Any]:
    """The event that a message of the queue `work` holds. Raises `ValidationError` or `KeyError` for anything else."""
    notification = _Notification.model_validate_json(body)
    if not notification.is_from_s3:
        return parse_event(body)
    ids = (media_id_of(unquote_plus(record.s3.object.key)) for record in notification.records or [])
    return Event(
        id="",
        source="s3",
        type=ObjectsArrived.TYPE,
        time=datetime.now(UTC),
        subject="",
        dataschema=schema_uri(ObjectsArrived.TYPE),
        data=ObjectsArrived(media_ids=[media_id for media_id in ids if media_id]),
    )
