"""What suits a purpose, where a file's bytes lie, when its record is due, what its events say. Without I/O."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from media_service.files.models import File, Purpose
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.media import MediaEvent

SOURCE = "media"
INCOMING, ORIGINALS, VARIANTS = "incoming", "originals", "variants"
DUE_SHARDS = 8
"""Over how many partitions of its index the sweep is spread."""
_FOR_PURPOSE: Mapping[Purpose, str] = {"avatar": "image/", "background": "image/"}


def suits(purpose: Purpose, content_type: str) -> bool:
    """Whether files of a type are taken for a purpose."""
    return content_type.startswith(_FOR_PURPOSE.get(purpose, ""))


def incoming_key(media_id: str) -> str:
    """Where the client uploads to. Nobody has looked at what lies there, and nobody else may fetch it."""
    return f"{INCOMING}/{media_id}"


def original_key(media_id: str) -> str:
    """Where the verified bytes lie, out of the reach of the client's presigned upload."""
    return f"{ORIGINALS}/{media_id}"


def variant_key(media_id: str, name: str, extension: str) -> str:
    """Where a variant lies: the same however often it is made."""
    return f"{VARIANTS}/{media_id}/{name}.{extension}"


def prefixes(media_id: str) -> tuple[str, ...]:
    """What all objects of a file begin with; the slash at the end keeps other files' apart."""
    return incoming_key(media_id), original_key(media_id), f"{VARIANTS}/{media_id}/"


def media_id_of(key: str) -> str | None:
    """The file that an uploaded object belongs to; None for an object that is no upload."""
    folder, _, media_id = key.partition("/")
    return media_id if folder == INCOMING and media_id and "/" not in media_id else None


def due_shard(media_id: str) -> str:
    """The partition of the index `due` that a file is in."""
    return str(hashlib.sha256(media_id.encode()).digest()[0] % DUE_SHARDS)


def event_of(kind: type[MediaEvent], file: File, /, **more: Any) -> Event[Any]:
    """The event of the change that gives a file its next version."""
    data = kind(media_id=file.id, owner_id=file.owner_id, version=file.version + 1, **more)
    return Event(
        id=f"{SOURCE}:{file.id}:{data.version}",
        source=SOURCE,
        type=kind.TYPE,
        time=datetime.now(UTC),
        subject=file.id,
        dataschema=schema_uri(kind.TYPE),
        data=data,
    )
