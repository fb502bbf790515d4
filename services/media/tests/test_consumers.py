"""What the queue `work` holds: our own events, and what S3 writes there."""

import json

import pytest
from pydantic import ValidationError

from media_service.consumers import ObjectsArrived, parse_work
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.media import MediaUploaded

ID = "0198c0de-0000-7000-8000-000000000001"


def notification(*keys: str) -> str:
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}} for key in keys]})


def test_s3_tells_of_uploads_and_of_nothing_else() -> None:
    event = parse_work(notification(f"incoming/{ID}", f"variants/{ID}/thumb.webp", "incoming/", "incoming/a/b"))

    assert event.data == ObjectsArrived(media_ids=[ID])


def test_keys_are_written_as_in_a_query() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html: keys are encoded."""
    assert parse_work(notification("incoming/a+b%21")).data.media_ids == ["a b!"]


def test_a_test_of_the_connection_tells_nothing() -> None:
    body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})

    assert parse_work(body).data == ObjectsArrived(media_ids=[])


def test_our_own_events_are_read_as_elsewhere() -> None:
    data = MediaUploaded(media_id=ID, owner_id="ada", version=2)
    event = Event[MediaUploaded](
        id="e",
        source="media",
        type=data.TYPE,
        time="2026-01-31T09:30:00Z",
        subject=ID,
        dataschema=schema_uri(data.TYPE),
        data=data,
    )

    assert parse_work(event.model_dump_json()) == event


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"type":"unheard.of"}'])
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises((ValidationError, KeyError)):
        parse_work(body)
