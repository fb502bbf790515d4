"""Files through the public address, and their bytes through S3's: sent, looked at, shown to those who may see them."""

import hashlib
import signal
import struct
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from messengerctl.client import Client, Event, Listener, Session
from messengerctl.client.errors import Refused
from servicekit.testing import eventually

MIB = 1024 * 1024


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def picture(width: int, height: int, shade: int = 0, *, packed: bool = True) -> bytes:
    """A PNG of one colour."""
    rows = (b"\0" + bytes([shade, 80, 160]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = zlib.compress(rows, 9 if packed else 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


@pytest.fixture
async def s3():
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        yield client


async def announce(client: Client, content: bytes, **changes: Any) -> dict[str, Any]:
    wish = {
        "filename": "a.png",
        "content_type": "image/png",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "purpose": "library",
    }
    return (await client.request("POST", "/v1/uploads", json=wish | changes)).json()


async def send(s3: httpx.AsyncClient, request: dict[str, Any], content: bytes) -> None:
    sent = await s3.request(request["method"], request["url"], content=content, headers=request["headers"])
    assert sent.status_code == 200, sent.text


async def ended(client: Client, media_id: str) -> dict[str, Any]:
    """The file, when it is ready or rejected."""

    async def look() -> dict[str, Any] | None:
        answer = await client.request("GET", f"/v1/media/{media_id}")
        assert answer.status_code in (200, 202)
        return answer.json() if answer.status_code == 200 else None

    return await eventually(look, 60)


async def test_a_picture_is_shown_when_it_was_looked_at(ada, clients, s3) -> None:
    """Nobody says that it is complete: S3's own word is enough."""
    client, content = await clients.of(ada), picture(400, 300)
    announced = await announce(client, content)
    before = await client.request("GET", f"/v1/media/{announced['media_id']}")
    assert (before.status_code, before.json()["status"]) == (202, "pending")

    await send(s3, announced["upload"], content)

    media = await ended(client, announced["media_id"])
    assert (media["status"], media["kind"], media["width"], media["height"]) == ("ready", "image", 400, 300)
    part = await s3.get(media["variants"]["thumb"]["url"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert (await announce(client, content))["exists"]


async def test_a_large_file_goes_in_parts_and_goes_on_after_a_restart(ada, clients, s3) -> None:
    client = await clients.of(ada)
    content = picture(2500, 2300, shade=9, packed=False)
    announced = await announce(client, content)
    media_id, upload = announced["media_id"], announced["upload"]
    assert (upload["method"], upload["parts"]) == ("multipart", 2)
    first, _ = (await client.request("POST", f"/v1/uploads/{media_id}/parts")).json()["items"]
    await send(s3, first["upload"], content[: first["size"]])
    with pytest.raises(Refused, match="upload_incomplete"):
        await client.request("POST", f"/v1/uploads/{media_id}/complete")

    again = await clients.of(ada)
    first, second = (await again.request("POST", f"/v1/uploads/{media_id}/parts")).json()["items"]
    assert (first["uploaded"], second["uploaded"]) == (True, False)
    await send(s3, second["upload"], content[first["size"] :])
    completed = await again.request("POST", f"/v1/uploads/{media_id}/complete")
    assert completed.status_code in (200, 202)

    media = await ended(again, media_id)
    assert (media["status"], media["size"], media["width"]) == ("ready", len(content), 2500)


async def test_what_is_not_what_it_says_is_rejected_and_costs_no_space(stranger, clients, s3) -> None:
    client, content = await clients.of(stranger), b"<html><script>alert(1)</script></html>"
    announced = await announce(client, content)

    await send(s3, announced["upload"], content)

    media = await ended(client, announced["media_id"])
    assert (media["status"], media["variants"]) == ("rejected", {})
    assert media["reason"]
    assert (await client.request("GET", "/v1/media/usage")).json()["used"] == 0


class Devices(Listener):
    """What somebody hears: by conversation the files of events that carry some, and the states of own files."""

    def __init__(self) -> None:
        self.heard: defaultdict[str, list[list[dict[str, Any]]]] = defaultdict(list)
        self.states: defaultdict[str, list[str]] = defaultdict(list)

    def event(self, event: Event) -> None:
        if files := event.data.get("media"):
            self.heard[event.c].append(files)

    def push(self, op: str, d: dict[str, Any]) -> None:
        if op == "media":
            self.states[d["id"]].append(d["status"])


@asynccontextmanager
async def devices_of(client: Client) -> AsyncIterator[Devices]:
    devices = Devices()
    async with Session(client, devices) as session:
        await session.live()
        yield devices


async def upload(client: Client, s3: httpx.AsyncClient, content: bytes) -> str:
    """Upload a picture to be sent; gives its id."""
    announced = await announce(client, content, purpose="message")
    await send(s3, announced["upload"], content)
    return announced["media_id"]


async def refusal(asking: Awaitable[Any]) -> str | None:
    try:
        await asking
    except Refused as error:
        return error.code
    return None


def carrying(client: Client, c: str, *media_ids: str, text: str | None = None) -> Awaitable[httpx.Response]:
    path = f"/v1/conversations/{c}/messages/{uuid4()}"
    return client.request("PUT", path, json={"text": text, "media_ids": media_ids})


async def test_a_picture_that_is_sent_is_seen_by_those_to_whom_it_is_sent(ada, bob, carol, clients, s3) -> None:
    mine, theirs, foreign = [await clients.of(person) for person in (ada, bob, carol)]
    media_id = await upload(mine, s3, picture(40, 30, shade=77))
    await ended(mine, media_id)
    c = (await mine.converse(bob.user_id)).id
    assert await refusal(theirs.request("GET", f"/v1/media/{media_id}")) == "not_found"

    async with devices_of(theirs) as devices:
        acknowledged = (await carrying(mine, c, media_id, text="look")).json()
        await eventually(lambda: _true(devices.heard[c]))

    synced = (await theirs.request("GET", "/v1/sync")).json()["conversations"][c]["events"]
    described = [
        acknowledged["media"],
        devices.heard[c][-1],
        (await theirs.request("GET", f"/v1/conversations/{c}/messages")).json()["items"][0]["media"],
        next(event["data"]["media"] for event in reversed(synced) if event["type"] == "message.created"),
    ]
    for [file] in described:
        assert (file["id"], file["status"], file["width"], file["height"]) == (media_id, "ready", 40, 30)
        assert file["blurhash"]
        thumb = await s3.get(file["variants"]["thumb"]["url"])
        assert (thumb.status_code, thumb.content[:4]) == (200, b"RIFF")
    await eventually(lambda: _seen(theirs, media_id))
    assert await refusal(foreign.request("GET", f"/v1/media/{media_id}")) == "not_found"
    assert await refusal(foreign.request("GET", f"/v1/conversations/{c}/messages")) == "not_member"


async def test_nobody_sends_what_is_somebody_else_s(ada, bob, clients, s3) -> None:
    mine, theirs = await clients.of(ada), await clients.of(bob)
    media_id = await upload(theirs, s3, picture(41, 30, shade=78))
    c = (await mine.converse(bob.user_id)).id
    before = (await mine.converse(bob.user_id)).last_seq

    assert await refusal(carrying(mine, c, media_id, text="yours")) == "validation_failed"
    assert await refusal(carrying(mine, c, str(uuid4()))) == "validation_failed"

    assert (await mine.converse(bob.user_id)).last_seq == before


async def test_who_has_left_sees_no_more(ada, bob, clients, s3) -> None:
    mine, theirs = await clients.of(ada), await clients.of(bob)
    media_id = await upload(mine, s3, picture(42, 30, shade=79))
    c = (await mine.create_group("We", [bob.user_id])).id
    await carrying(mine, c, media_id)
    await eventually(lambda: _seen(theirs, media_id))

    await theirs.request("DELETE", f"/v1/conversations/{c}/members/{bob.user_id}")

    assert await refusal(theirs.request("GET", f"/v1/conversations/{c}/messages")) == "not_member"
    await eventually(lambda: _unseen(theirs, media_id))


async def test_a_groups_picture_is_seen_by_its_members_for_as_long_as_it_is_its_picture(
    ada, bob, carol, clients, s3
) -> None:
    mine, theirs, foreign = [await clients.of(person) for person in (ada, bob, carol)]
    first, second = [await upload(mine, s3, picture(44, 30, shade=shade)) for shade in (82, 83)]
    for media_id in (first, second):
        await ended(mine, media_id)
    wish = {"kind": "group", "title": "We", "member_ids": [bob.user_id], "avatar": first}
    c = (await mine.request("POST", "/v1/conversations", json=wish)).json()["id"]

    await eventually(lambda: _seen(theirs, first))
    thumb = (await theirs.request("GET", f"/v1/media/{first}")).json()["variants"]["thumb"]["url"]
    assert (await s3.get(thumb)).status_code == 200
    assert await refusal(foreign.request("GET", f"/v1/media/{first}")) == "not_found"

    await mine.request("PATCH", f"/v1/conversations/{c}", json={"avatar": second})

    await eventually(lambda: _seen(theirs, second))
    await eventually(lambda: _unseen(theirs, first))
    assert await refusal(foreign.request("GET", f"/v1/media/{second}")) == "not_found"
    assert await _seen(mine, first)


async def test_nobody_gives_a_group_a_picture_of_somebody_else_s(ada, bob, clients, s3) -> None:
    mine, theirs = await clients.of(ada), await clients.of(bob)
    media_id = await upload(theirs, s3, picture(45, 30, shade=84))
    c = (await mine.create_group("We", [bob.user_id])).id

    change = mine.request("PATCH", f"/v1/conversations/{c}", json={"avatar": media_id})
    assert await refusal(change) == "validation_failed"
    begin = mine.request("POST", "/v1/conversations", json={"kind": "group", "avatar": media_id})
    assert await refusal(begin) == "validation_failed"


async def test_devices_hear_that_a_file_was_deleted_and_is_there_again(ada, bob, clients, s3) -> None:
    mine, theirs = await clients.of(ada), await clients.of(bob)
    media_id = await upload(mine, s3, picture(46, 30, shade=85))
    await ended(mine, media_id)
    c = (await mine.converse(bob.user_id)).id

    async with devices_of(theirs) as devices:
        await carrying(mine, c, media_id, text="look")
        await eventually(lambda: _true(devices.heard[c]))
        await mine.request("DELETE", f"/v1/media/{media_id}")
        await eventually(lambda: _true(devices.heard[c][-1][0]["status"] == "hidden"))
        await mine.request("POST", f"/v1/media/{media_id}/restore")
        await eventually(lambda: _true(devices.heard[c][-1][0]["status"] == "ready"))

    assert [files[0]["status"] for files in devices.heard[c] if files[0]["id"] == media_id] == [
        "ready",
        "hidden",
        "ready",
    ]
    assert (await s3.get(devices.heard[c][-1][0]["variants"]["thumb"]["url"])).status_code == 200


async def test_devices_hear_what_becomes_of_a_file(ada, bob, clients, s3) -> None:
    """The owner of every state; those to whom it was sent before it was ready, when it is."""
    mine, theirs = await clients.of(ada), await clients.of(bob)
    c = (await mine.converse(bob.user_id)).id
    content = picture(1200, 900, shade=80)
    announced = await announce(mine, content, purpose="message")
    media_id = announced["media_id"]

    async with devices_of(mine) as own, devices_of(theirs) as others:
        [sent] = (await carrying(mine, c, media_id, text="soon")).json()["media"]
        await send(s3, announced["upload"], content)
        await eventually(lambda: _true(len(own.states[media_id]) == 2), 60)
        await eventually(lambda: _true(others.heard[c][-1][0]["status"] == "ready"), 60)

    assert sent["status"] == "pending"
    assert own.states[media_id] == ["processing", "ready"]
    [[first], *_, [last]] = [files for files in others.heard[c] if files[0]["id"] == media_id]
    assert (first["status"], last["status"], last["width"]) == ("pending", "ready", 1200)
    assert (await s3.get(last["variants"]["thumb"]["url"])).status_code == 200
    assert media_id not in others.states


async def test_without_media_people_talk_on(ada, bob, clients, s3, suite) -> None:
    mine, theirs = await clients.of(ada), await clients.of(bob)
    media_id = await upload(mine, s3, picture(43, 30, shade=81))
    await ended(mine, media_id)
    c = (await mine.converse(bob.user_id)).id
    await carrying(mine, c, media_id)
    suite.signal("media", signal.SIGSTOP)
    try:
        [message] = (await theirs.request("GET", f"/v1/conversations/{c}/messages?limit=1")).json()["items"]
        said = await mine.put_message(c, str(uuid4()), "still here")
        code = await refusal(carrying(mine, c, media_id))
    finally:
        suite.signal("media", signal.SIGCONT)

    assert [(each["id"], each["status"]) for each in message["media"]] == [(media_id, "unknown")]
    assert (said.text, code) == ("still here", "dependency_unavailable")

    async def again() -> bool:
        return await refusal(carrying(mine, c, media_id)) is None

    await eventually(again)


async def _true(value: object) -> bool:
    return bool(value)


async def _seen(client: Client, media_id: str) -> bool:
    return await refusal(client.request("GET", f"/v1/media/{media_id}")) is None


async def _unseen(client: Client, media_id: str) -> bool:
    return not await _seen(client, media_id)


async def test_an_album_is_shared(ada, bob, clients, s3) -> None:
    mine, theirs, content = await clients.of(ada), await clients.of(bob), picture(30, 30, shade=3)
    announced = await announce(mine, content)
    await send(s3, announced["upload"], content)
    await ended(mine, announced["media_id"])
    wish = {"title": "Summer", "shared": [{"user_ids": [bob.user_id], "role": "viewer"}]}
    album = (await mine.request("POST", "/v1/albums", json=wish)).json()["id"]
    await mine.request("PUT", f"/v1/albums/{album}/items/{announced['media_id']}")

    items = (await theirs.request("GET", f"/v1/albums/{album}/items")).json()["items"]

    assert [item["id"] for item in items] == [announced["media_id"]]
    assert (await s3.get(items[0]["variants"]["thumb"]["url"])).status_code == 200
