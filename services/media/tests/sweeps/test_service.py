"""What is due is done, and what is not is left alone."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from media_service.files.domain import DUE_SHARDS, incoming_key, prefixes
from media_service.worker import make_sweep
from servicekit.dynamodb import change_of, from_item, query_items, to_item
from servicekit.dynamodb_outbox import LANES

CONTENT = b"what a picture is made of"
DAY = 24 * 3600


@pytest.fixture
def sweep(settings, stores, services):
    return make_sweep(settings, stores, services)


@pytest.fixture
def age(stores, settings):
    """Have a file's time come: its record is as old as it is said."""

    async def make(media_id: str, **assign) -> None:
        values = {"due_at": int(time.time()) - 1} | assign
        await stores.dynamodb.update_item(**change_of(settings.resource("media"), {"id": media_id}, assign=values))

    return make


@pytest.fixture
def told(stores, settings):
    """The types of the events that wait to be published."""

    async def read() -> list[str]:
        rows = []
        for lane in range(LANES):
            rows += await query_items(
                stores.dynamodb,
                most=100,
                TableName=settings.resource("outbox"),
                KeyConditionExpression="lane = :lane",
                ExpressionAttributeValues=to_item({":lane": str(lane)}),
            )
        return [row["event"].split('"type":"')[1].split('"')[0] for row in rows]

    return read


def days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


async def objects_of(stores, media_id: str) -> list[str]:
    return [key for prefix in prefixes(media_id) for key in await stores.objects.keys(prefix)]


async def test_the_index_names_what_is_due_and_nothing_else(alice, sweep, age, stores) -> None:
    due, later = [(await alice.announce()).json()["media_id"] for _ in range(2)]
    await age(due)

    assert not await sweep.step()

    assert await stores.files.get(due) is None
    assert await stores.files.get(later)
    assert [await stores.files.due(shard, int(time.time()), 9) for shard in range(DUE_SHARDS)] == [[]] * DUE_SHARDS


async def test_an_unfinished_upload_expires_with_its_space(alice, sweep, age, stores) -> None:
    media_id = (await alice.announce()).json()["media_id"]
    assert await sweep.sweep(media_id) == "nothing"

    await age(media_id)

    assert await sweep.sweep(media_id) == "expired"
    assert (await alice.ask("GET", "media/usage")).json()["used"] == 0


@pytest.mark.parametrize("changes", [{"multipart_above": 1}])
async def test_the_parts_of_an_unfinished_upload_are_thrown_away(alice, s3, sweep, age, stores, changes) -> None:
    media_id = (await alice.announce()).json()["media_id"]
    [part] = (await alice.ask("POST", f"uploads/{media_id}/parts")).json()["items"]
    await s3.put(part["upload"]["url"], content=CONTENT, headers=part["upload"]["headers"])
    upload_id = (await stores.files.get(media_id)).upload_id
    await age(media_id)

    assert await sweep.sweep(media_id) == "expired"
    assert await stores.objects.parts(incoming_key(media_id), upload_id) is None


async def test_an_upload_that_nobody_told_of_is_announced(alice, s3, sweep, age, told, stores) -> None:
    announced = (await alice.announce()).json()
    request = announced["upload"]
    await s3.put(request["url"], content=CONTENT, headers=request["headers"])
    await age(announced["media_id"])

    assert await sweep.sweep(announced["media_id"]) == "announced"
    assert (await stores.files.get(announced["media_id"])).uploaded_at
    assert await told() == ["media.uploaded.v1"]


async def test_what_is_stuck_is_announced_again_and_given_up_in_the_end(
    alice, s3, sweep, age, told, services, settings
) -> None:
    media_id = await alice.upload(s3)
    await services.states.begin(media_id)
    await age(media_id)
    assert await sweep.sweep(media_id) == "announced"
    assert await told() == ["media.uploaded.v1"] * 2

    await age(media_id, attempts=settings.processing_attempts)

    assert await sweep.sweep(media_id) == "rejected"
    assert (await alice.ask("GET", f"media/{media_id}")).json()["reason"] == "failed"


async def test_a_deleted_file_is_purged_with_every_object_and_row(
    alice, shown, sweep, age, told, stores, settings
) -> None:
    media_id = await shown(alice)
    await alice.ask("PATCH", f"media/{media_id}", {"tags": ["sea"]})
    album = (await alice.ask("POST", "albums", {"title": "a"})).json()["id"]
    await alice.ask("PUT", f"albums/{album}/items/{media_id}")
    await alice.ask("DELETE", f"media/{media_id}")
    assert await objects_of(stores, media_id)
    await age(media_id)
    assert await sweep.sweep(media_id) == "put off", "it can still be restored"

    await age(media_id, deleted_at=days_ago(settings.restore_days))

    assert (await alice.ask("POST", f"media/{media_id}/restore")).status_code == 404
    assert await sweep.sweep(media_id) == "purged"
    assert await objects_of(stores, media_id) == []
    assert (await alice.ask("GET", "media/usage")).json()["used"] == 0
    assert (await alice.ask("GET", f"albums/{album}")).json()["items"] == 0
    assert "media.purged.v1" in await told()
    for table in ("media", "tags", "digests"):
        left = await stores.dynamodb.scan(TableName=settings.resource(table))
        assert [from_item(item) for item in left["Items"]] == [], table


@pytest.mark.parametrize(("days", "restored", "swept"), [(29, 200, "nothing"), (31, 404, "purged")])
async def test_what_was_deleted_comes_back_for_thirty_days(alice, shown, sweep, age, days, restored, swept) -> None:
    media_id = await shown(alice)
    await alice.ask("DELETE", f"media/{media_id}")
    await age(media_id, deleted_at=days_ago(days))

    assert (await alice.ask("POST", f"media/{media_id}/restore")).status_code == restored
    assert await sweep.sweep(media_id) == swept


async def test_a_purge_that_breaks_off_goes_on(alice, shown, sweep, age, stores, settings, monkeypatch) -> None:
    media_id = await shown(alice)
    await alice.ask("DELETE", f"media/{media_id}")
    await age(media_id, deleted_at=days_ago(settings.restore_days))

    async def broken(*_: object) -> bool:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(stores.files, "remove", broken)
        await sweep.step()
    assert await stores.files.get(media_id)
    assert (await stores.files.get(media_id)).due_at > time.time(), "others have their turn first"
    await age(media_id)

    assert await sweep.sweep(media_id) == "purged"
    assert await stores.files.get(media_id) is None


async def test_what_hangs_nowhere_goes_to_the_bin_and_can_be_restored(alice, shown, sweep, age) -> None:
    unused, kept = await shown(alice, b"1", purpose="message"), await shown(alice, b"2", purpose="library")
    await age(unused)

    assert await sweep.sweep(unused) == "binned"
    assert await sweep.sweep(kept) == "nothing"

    assert (await alice.ask("GET", f"media/{unused}")).status_code == 404
    assert (await alice.ask("POST", f"media/{unused}/restore")).status_code == 200
    assert await sweep.sweep(unused) == "nothing"


async def test_what_hangs_somewhere_is_looked_at_later(alice, shown, sweep, age, stores) -> None:
    media_id = await shown(alice, purpose="message")
    album = (await alice.ask("POST", "albums", {"title": "a"})).json()["id"]
    await alice.ask("PUT", f"albums/{album}/items/{media_id}")
    await age(media_id)

    assert await sweep.sweep(media_id) == "kept"
    assert (await stores.files.get(media_id)).due_at > time.time() + DAY


async def test_a_rejected_file_is_purged_in_the_end(alice, s3, services, sweep, age, stores) -> None:
    media_id = await alice.upload(s3)
    await services.states.begin(media_id)
    await services.states.reject(media_id, "damaged")
    await age(media_id)

    assert await sweep.sweep(media_id) == "purged"
    assert await stores.files.get(media_id) is None
    assert (await alice.ask("GET", "media/usage")).json() | {"limit": 0} == {"used": 0, "reserved": 0, "limit": 0}
