"""The copy is whole, however large, whoever dies while it is made; and it is its person's alone."""

import asyncio
import io
import json
import zipfile
from typing import Annotated
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Query
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response, StreamingResponse

from auth_service.dependencies import open_announcer, open_departures
from auth_service.exports.domain import CLAIM_SECONDS, DAY_SECONDS, MOST_TRIES, PART_BYTES, Archive, retry_after
from messenger_contracts.personal_data import PersonalRecord
from servicekit.dynamodb import from_item, to_item
from servicekit.testing import serving

PAGES = 5
MIB = 1024 * 1024


class Keeper:
    """A service with as many records of everybody as it is told, each of a size that does not compress."""

    def __init__(self):
        self.records, self.size = 10, 10
        self.away = False
        self.was_asked = asyncio.Event()
        self.files, self.breaks_off = {}, False

    def page(self, user_id, cursor):
        self.was_asked.set()
        number = int(cursor or 0)
        some = range(number * self.records // PAGES, (number + 1) * self.records // PAGES)
        filling = "".join(uuid4().hex for _ in range(self.size // 32 + 1))[: self.size]
        items = [{"kind": "things", "data": {"n": n, "of": user_id, "filling": filling}} for n in some]
        if number + 1 < PAGES:
            return {"items": items, "next": str(number + 1)}
        files = [{"name": name, "url": f"{self.url}/{name}", "size": size} for name, size in self.files.items()]
        return {"items": items, "files": files, "next": None}

    async def content(self, name):
        """The bytes of a file, in pieces."""
        for _ in range(self.files[name] // MIB):
            yield bytes(MIB)
            if self.breaks_off:
                return


@pytest.fixture
async def keeper():
    keeper, app = Keeper(), FastAPI()

    @app.get("/internal/exports/{user_id}")
    async def page(user_id: str, cursor: Annotated[str | None, Query()] = None) -> JSONResponse:
        return JSONResponse({}, 500) if keeper.away else JSONResponse(keeper.page(user_id, cursor))

    @app.get("/internal/erasures/{user_id}")
    async def remains(user_id: str) -> JSONResponse:
        return JSONResponse({"left": {}})

    @app.get("/originals/{name}")
    async def original(name: str) -> Response:
        path = f"originals/{name}"
        if not keeper.files[path]:
            return Response(status_code=404)
        return StreamingResponse(keeper.content(path), headers={"Content-Length": str(keeper.files[path])})

    async with serving(app) as address:
        keeper.url = f"http://{address}"
        yield keeper


@pytest.fixture
def settings(settings, keeper):
    """Auth knows one keeper, and an erasure waits for nothing."""
    return settings.model_copy(update={"keepers": {"chat": keeper.url}, "settle_seconds": 0})


@pytest.fixture
async def departures(settings, aws):
    """What erases, and what makes archives, as the worker has them."""
    async with open_announcer(settings, aws) as announcer, open_departures(settings, aws, announcer) as both:
        yield both


@pytest.fixture
def archiver(departures):
    return departures[1]


@pytest.fixture
async def row(aws, settings):
    """Reads or changes the row of a person's export."""
    client, table = await aws.client("dynamodb"), settings.resource("exports")

    async def read(person, **changes):
        key = to_item({"user_id": person.user_id})
        found = (await client.get_item(TableName=table, Key=key, ConsistentRead=True)).get("Item")
        if changes:
            await client.put_item(TableName=table, Item=to_item(from_item(found) | changes))
        return from_item(found) if found else None

    return read


async def ask(person):
    answer = await person.post("me/export")
    assert answer.status_code == 202, answer.text
    return answer.json()["job"]


async def state(person, job):
    answer = await person.get(f"me/export/{job}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def fetch(url):
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(url)


async def opened(person, job):
    """The files of an archive: lines by name."""
    answer = await fetch((await state(person, job))["url"])
    assert answer.status_code == 200, answer.text
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return {name: [json.loads(line) for line in archive.read(name).splitlines()] for name in archive.namelist()}


async def test_the_archive_has_what_everybody_keeps_of_the_person(signed_in, keeper, archiver):
    job = await ask(signed_in)
    assert await archiver.step()
    files = await opened(signed_in, job)
    assert files.keys() == {
        "auth/account.jsonl",
        "auth/sessions.jsonl",
        "auth/security_events.jsonl",
        "chat/things.jsonl",
    }
    (account,) = files["auth/account.jsonl"]
    assert (account["username"], account["email"]) == (signed_in.username, signed_in.email)
    assert [each["n"] for each in files["chat/things.jsonl"]] == list(range(10))
    assert {each["of"] for each in files["chat/things.jsonl"]} == {signed_in.user_id}
    assert "auth.export.requested.v1" in {event["type"] for event in files["auth/security_events.jsonl"]}
    done = await state(signed_in, job)
    assert (done["state"], done["size"]) == ("ready", len((await fetch(done["url"])).content))


async def test_an_archive_of_several_parts_is_whole(signed_in, keeper, archiver):
    keeper.records, keeper.size = 100, 300_000  # some 17 MB, compressed: three parts
    job = await ask(signed_in)
    await archiver.step()
    files = await opened(signed_in, job)
    assert [each["n"] for each in files["chat/things.jsonl"]] == list(range(100))
    assert (await state(signed_in, job))["size"] > 2 * 8 * 1024 * 1024


async def test_files_are_in_the_archive_as_they_are(signed_in, keeper, archiver):
    keeper.files = {"originals/large.mp4": 20 * MIB, "originals/small.png": MIB, "originals/purged.png": 0}
    job = await ask(signed_in)
    await archiver.step()
    done = await state(signed_in, job)
    archive = zipfile.ZipFile(io.BytesIO((await fetch(done["url"])).content))
    assert archive.testzip() is None
    sizes = {each.filename: each.file_size for each in archive.infolist()}
    assert (sizes["chat/originals/large.mp4"], sizes["chat/originals/small.png"]) == (20 * MIB, MIB)
    assert "chat/originals/purged.png" not in sizes
    assert archive.read("chat/originals/large.mp4") == bytes(20 * MIB)
    assert len(archive.read("chat/things.jsonl").splitlines()) == 10


async def test_no_more_than_a_part_of_a_file_is_held(signed_in, keeper, archiver, monkeypatch):
    keeper.files = {"originals/large.mp4": 40 * MIB}
    held = []

    def take(archive):
        held.append(archive.waiting)
        return whole(archive)

    whole = Archive.take
    monkeypatch.setattr(Archive, "take", take)
    await ask(signed_in)
    await archiver.step()
    assert len(held) == 5
    assert max(held) < PART_BYTES + MIB


async def test_a_file_that_breaks_off_is_not_passed_off_as_whole(signed_in, keeper, archiver, row):
    keeper.files, keeper.breaks_off = {"originals/large.mp4": 20 * MIB}, True
    job = await ask(signed_in)
    await archiver.step()
    assert (await state(signed_in, job))["state"] == "running"
    keeper.breaks_off = False
    await row(signed_in, due_at=0)
    await archiver.step()
    archive = zipfile.ZipFile(io.BytesIO((await fetch((await state(signed_in, job))["url"])).content))
    assert archive.read("chat/originals/large.mp4") == bytes(20 * MIB)


async def test_a_service_that_does_not_answer_holds_the_copy_up(signed_in, keeper, archiver, row):
    job = await ask(signed_in)
    keeper.away = True
    await archiver.step()
    assert (await state(signed_in, job))["state"] == "running"
    keeper.away = False
    await row(signed_in, due_at=0)
    await archiver.step()
    assert (await state(signed_in, job))["state"] == "ready"


async def test_a_copy_that_cannot_be_made_fails_in_the_end(signed_in, keeper, archiver, row):
    job = await ask(signed_in)
    keeper.away = True
    await row(signed_in, tries=MOST_TRIES - 1)
    await archiver.step()
    failed = await state(signed_in, job)
    assert (failed["state"], failed["url"]) == ("failed", None)


async def test_who_dies_in_the_middle_is_succeeded_after_a_minute(signed_in, keeper, archiver, row):
    job = await ask(signed_in)
    keeper.records, keeper.size = 20_000, 100
    dying = asyncio.create_task(archiver.step())
    await keeper.was_asked.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    held = await row(signed_in)
    assert (held["state"], held["due_at"] - held["requested_at"] <= CLAIM_SECONDS + 5) == ("running", True)
    keeper.records = 10
    await row(signed_in, due_at=0)
    await archiver.step()
    assert len((await opened(signed_in, job))["chat/things.jsonl"]) == 10


async def test_one_copy_at_a_time_and_two_a_day(signed_in, keeper, archiver, row):
    first = await ask(signed_in)
    assert await ask(signed_in) == first
    await archiver.step()
    second = await ask(signed_in)
    assert second != first
    await archiver.step()
    refused = await signed_in.post("me/export")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= DAY_SECONDS
    kept = await row(signed_in)
    await row(signed_in, requests=[at - DAY_SECONDS for at in kept["requests"]])
    assert (await signed_in.post("me/export")).status_code == 202


async def test_requests_at_once_get_one_copy(signed_in, keeper):
    answers = await asyncio.gather(*(signed_in.post("me/export") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["job"] for answer in answers}) == 1


async def test_an_older_archive_goes_when_a_new_one_is_asked_for(signed_in, keeper, archiver):
    first = await ask(signed_in)
    await archiver.step()
    url = (await state(signed_in, first))["url"]
    await ask(signed_in)
    assert (await fetch(url)).status_code == 404
    assert (await signed_in.get(f"me/export/{first}")).status_code == 404


async def test_nobody_else_sees_it(signed_in, somebody, keeper):
    job = await ask(signed_in)
    other = somebody()
    await other.sign_up()
    await other.verify()
    await other.sign_in()
    assert (await other.get(f"me/export/{job}")).status_code == 404


async def test_without_a_recent_sign_in_there_is_neither_a_copy_nor_a_link(signed_in, keeper, archiver, aws, settings):
    job = await ask(signed_in)
    await archiver.step()
    client = await aws.client("dynamodb")
    key = {"user_id": signed_in.user_id, "session_id": signed_in.principal.session_id}
    await client.update_item(
        TableName=settings.resource("sessions"),
        Key=to_item(key),
        UpdateExpression="SET created_at = created_at - :hour",
        ExpressionAttributeValues=to_item({":hour": 3600}),
    )
    assert (await signed_in.post("me/export")).status_code == 403
    shown = await state(signed_in, job)
    assert (shown["state"], shown["url"]) == ("ready", None)


async def test_an_erasure_takes_the_archive_too(signed_in, keeper, departures, row, aws, settings):
    eraser, archiver = departures
    job = await ask(signed_in)
    await archiver.step()
    url = (await state(signed_in, job))["url"]
    assert (await signed_in.request("DELETE", "me")).status_code == 202
    await eraser.step()
    assert (await fetch(url)).status_code == 404
    assert await row(signed_in) is None


records = st.lists(
    st.tuples(st.sampled_from("ab"), st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=50)), max_size=5)),
    max_size=4,
    unique_by=lambda each: each[0],
)


@given(records)
def test_whatever_is_written_is_read_again_however_it_is_taken(kinds):
    archive, taken = Archive(), b""
    for kind, rows in kinds:
        for row in rows:
            archive.add("chat", [PersonalRecord(kind=kind, data=row)])
            taken += archive.take()
    archive.close()
    taken += archive.take()
    opened = zipfile.ZipFile(io.BytesIO(taken))
    read = {name: [json.loads(line) for line in opened.read(name).splitlines()] for name in opened.namelist()}
    assert read == {f"chat/{kind}.jsonl": rows for kind, rows in kinds if rows}


@pytest.mark.parametrize(
    ("requests", "wait"), [([], 0), ([100], 0), ([100, 200], DAY_SECONDS - 200), ([300 - DAY_SECONDS, 200], 0)]
)
def test_when_one_may_ask_again(requests, wait):
    assert retry_after(requests, 300) == wait
