"""A person is forgotten with every byte of theirs, and nobody else is."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from media_service.consumers import inbox_handlers, message_handlers
from media_service.files.domain import incoming_key, prefixes
from media_service.worker import make_erasures
from messenger_contracts.commands import Actor
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.chat import MemberJoined
from messenger_contracts.events.social_graph import UserBlocked
from messenger_contracts.identity import service
from servicekit.dynamodb import from_item

MIB = 1024 * 1024
CONVERSATION = "0198c0de-0000-7000-8000-000000000001"
EVERYTHING = {"files", "places", "blocks", "digests", "usage", "answers"}


@pytest.fixture
def eraser(stores, services):
    """What erases, as the worker has it."""
    return make_erasures(stores, services)


@pytest.fixture
async def left(client, callers):
    """Asks what is left of a person, as auth does."""
    headers = await callers.headers(service("auth"))

    async def ask(person):
        answer = await client.get(f"/internal/erasures/{person.id}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["left"]

    return ask


@pytest.fixture
def hear(services):
    """Have media hear of something."""
    handlers = inbox_handlers(services.grants, services.albums) | message_handlers(services.grants)

    async def tell(data):
        event = Event(
            id="e",
            source="test",
            type=data.TYPE,
            time=datetime(2026, 1, 31, tzinfo=UTC),
            subject="s",
            dataschema=schema_uri(data.TYPE),
            data=data,
        )
        await handlers[type(data)](event)

    return tell


@pytest.fixture
def traces(stores, settings):
    """The rows that mention a person, by table."""

    async def find(person):
        found = {}
        for table in ("media", "tags", "digests", "quotas", "albums", "grants", "uses", "answers"):
            rows = await stores.dynamodb.scan(TableName=settings.resource(table))
            mentions = [row for row in map(from_item, rows["Items"]) if person.id in str(row)]
            found |= {table: mentions} if mentions else {}
        return found

    return find


@pytest.fixture
def told(stores, settings):
    """The types of the events about a file that wait to be published."""

    async def read(media_id):
        rows = await stores.dynamodb.scan(TableName=settings.resource("outbox"))
        events = [json.loads(row["event"]) for row in map(from_item, rows["Items"])]
        return {event["type"] for event in events if event["subject"] == media_id}

    return read


def joined(person, seq=1):
    actor = Actor(user_id=person.id, username=person.name)
    return MemberJoined(
        conversation_id=CONVERSATION, seq=seq, actor=actor, user_id=person.id, username=person.name, role="member"
    )


async def in_every_state(person, s3, shown, services):
    """Files of a person's, one of each fate."""
    announced, in_parts = await person.announce(b"1"), await person.announce(size=20 * MIB)
    arrived, processing, rejected = [await person.upload(s3, content) for content in (b"2", b"3", b"4")]
    for media_id in (processing, rejected):
        await services.states.begin(media_id)
    await services.states.reject(rejected, "damaged")
    ready, binned = await shown(person, b"5"), await shown(person, b"6")
    await person.ask("PATCH", f"media/{ready}", {"tags": ["sea", "sun"], "caption": "us"})
    await person.ask("DELETE", f"media/{binned}")
    others = [answer.json()["media_id"] for answer in (announced, in_parts)]
    return [*others, arrived, processing, rejected, ready, binned]


async def test_nothing_is_left_of_a_person_and_all_of_others(
    alice, bob, s3, shown, services, stores, eraser, left, hear, traces, told
) -> None:
    mine, his = await in_every_state(alice, s3, shown, services), await shown(bob)
    ready = mine[-2]
    key = {"Idempotency-Key": "k"}
    own = (await alice.ask("POST", "albums", {"title": "Mine"}, **key)).json()["id"]
    wish = {"title": "His", "shared": [{"user_ids": [alice.id], "role": "contributor"}]}
    shared = (await bob.ask("POST", "albums", wish)).json()["id"]
    await alice.ask("PUT", f"albums/{own}/items/{ready}")
    await alice.ask("PUT", f"albums/{shared}/items/{ready}")
    await bob.ask("PUT", f"albums/{shared}/items/{his}")
    for fact in (joined(alice), joined(bob), UserBlocked(user_id=alice.id, blocked_id="user-eve", version=1)):
        await hear(fact)
    await hear(UserBlocked(user_id="user-eve", blocked_id=alice.id, version=1))
    upload_id = (await stores.files.get(mine[1])).upload_id
    assert (await left(alice)).keys() == EVERYTHING

    await eraser.erase(alice.id)

    assert await left(alice) == {}
    assert await traces(alice) == {}
    assert [key for each in mine for prefix in prefixes(each) for key in await stores.objects.keys(prefix)] == []
    assert await stores.objects.parts(incoming_key(mine[1]), upload_id) is None
    for media_id in mine:
        assert "media.purged.v1" in await told(media_id), media_id
    assert {"media.deleted.v1", "media.purged.v1"} <= await told(ready)
    assert "media.album.deleted.v1" in await told(own)
    album = (await bob.ask("GET", f"albums/{shared}")).json()
    assert (album["items"], album["shared"]) == (1, {})
    assert (await bob.ask("GET", f"media/{his}")).status_code == 200
    assert (await left(bob)).keys() == {"files", "places", "digests", "usage"}


async def test_to_erase_again_and_to_erase_nobody_is_harmless(alice, shown, person, eraser, left) -> None:
    await shown(alice)
    nobody = await person("nobody")
    for _ in range(2):
        await eraser.erase(alice.id)
        await eraser.erase(nobody.id)
    assert await left(alice) == await left(nobody) == {}


async def test_what_goes_with_its_owner_says_so(alice, shown, eraser, stores, settings) -> None:
    """So that nobody tells of each of thousands of files what is told of their messages anyway."""
    binned, ready = await shown(alice, b"1"), await shown(alice, b"2")
    await alice.ask("DELETE", f"media/{binned}")
    await eraser.erase(alice.id)
    rows = await stores.dynamodb.scan(TableName=settings.resource("outbox"))
    events = [json.loads(row["event"]) for row in map(from_item, rows["Items"])]
    deleted = {each["subject"]: each["data"]["erased"] for each in events if each["type"] == "media.deleted.v1"}
    assert deleted == {binned: False, ready: True}


async def test_more_than_a_batch_goes(alice, stores, services, left) -> None:
    for number in range(7):
        await alice.announce(size=number + 1)
        await alice.ask("POST", "albums", {"title": "a"}, **{"Idempotency-Key": str(number)})

    await make_erasures(stores, services, batch=3).erase(alice.id)

    assert await left(alice) == {}


@pytest.mark.parametrize(
    ("store", "step"),
    [
        ("objects", "remove"),
        ("files", "remove"),
        ("digests", "forget"),
        ("erasures", "forget_places"),
        ("erasures", "forget_blocks"),
        ("erasures", "forget_usage"),
        ("answers", "forget"),
    ],
)
async def test_who_dies_in_the_middle_is_succeeded(
    store, step, alice, s3, shown, services, stores, eraser, left, traces, monkeypatch
) -> None:
    await in_every_state(alice, s3, shown, services)
    await alice.ask("POST", "albums", {"title": "Mine"}, **{"Idempotency-Key": "k"})

    class Killed(BaseException):
        pass

    async def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(getattr(stores, store), step, die)
        with pytest.raises(Killed):
            await eraser.erase(alice.id)
    assert await left(alice) != {}

    await eraser.erase(alice.id)

    assert await left(alice) == {}
    assert await traces(alice) == {}
    assert await stores.objects.keys("") == []


async def test_while_a_file_is_there_that_no_index_shows_something_is_left(
    alice, shown, stores, eraser, left, monkeypatch
) -> None:
    await shown(alice)

    async def behind(*_: object) -> list[str]:
        return []

    with monkeypatch.context() as patch:
        patch.setattr(stores.files, "ids_of", behind)
        await eraser.erase(alice.id)
    assert (await left(alice))["usage"] == 1

    await eraser.erase(alice.id)
    assert await left(alice) == {}


async def test_requests_that_were_under_way_are_refused(alice, bob, shown, stores, left, traces) -> None:
    """The caller was still somebody when the gateway signed; the door is shut before anything is taken away."""
    wish = {"title": "His", "shared": [{"user_ids": [alice.id], "role": "contributor"}]}
    album = (await bob.ask("POST", "albums", wish)).json()["id"]
    media_id = await shown(alice)
    await stores.departures.note(alice.id)

    announced = await alice.announce(b"more", sha256=None)
    made = await alice.ask("POST", "albums", {"title": "Late"})

    assert (announced.status_code, announced.json()["code"]) == (401, "unauthenticated")
    assert (made.status_code, made.json()["code"]) == (401, "unauthenticated")
    await alice.ask("PUT", f"albums/{album}/items/{media_id}")
    assert (await bob.ask("GET", f"albums/{album}")).json()["items"] == 0
    assert (await left(alice))["files"] == 1


async def test_events_that_come_late_bring_nothing_back(alice, bob, eraser, left, hear, traces) -> None:
    await eraser.erase(alice.id)
    for late in (
        joined(alice, 7),
        UserBlocked(user_id=alice.id, blocked_id=bob.id, version=7),
        UserBlocked(user_id=bob.id, blocked_id=alice.id, version=7),
    ):
        await hear(late)

    assert await left(alice) == {}
    assert await traces(alice) == {}
    await hear(joined(bob, 8))
    assert await left(bob) == {"places": 1}


async def test_an_erasure_and_uploads_at_once_leave_nothing(alice, stores, eraser, left) -> None:
    async def announce_some():
        return [(await alice.announce(size=1 + number)).status_code for number in range(10)]

    *_, statuses = await asyncio.gather(eraser.erase(alice.id), announce_some())
    await eraser.erase(alice.id)

    assert set(statuses) <= {201, 401}
    assert statuses[-1] == 401
    assert await left(alice) == {}


async def test_the_quota_is_not_touched_by_who_is_refused(alice, stores) -> None:
    await stores.departures.note(alice.id)
    await alice.announce()
    assert await stores.quotas.get(alice.id) == (0, 0)


@pytest.mark.parametrize("path", ["/internal/erasures/user-x", "/internal/exports/user-x"])
async def test_a_person_may_not_ask(alice, client, path) -> None:
    assert (await client.get(path, headers=alice.headers)).status_code == 403
    assert (await client.get(path)).status_code == 401
