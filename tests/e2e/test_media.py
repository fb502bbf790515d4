"""Files through the public address, and their bytes through S3's: sent, looked at, shown to those who may see them."""

import hashlib
import struct
import zlib
from typing import Any

import httpx
import pytest

from messengerctl.client import Client
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


async def test_who_is_sent_a_file_sees_it_and_others_do_not(ada, bob, carol, clients, s3) -> None:
    mine, theirs, foreign = [await clients.of(person) for person in (ada, bob, carol)]
    content = picture(40, 30, shade=77)
    announced = await announce(mine, content, purpose="message")
    media_id = announced["media_id"]
    await send(s3, announced["upload"], content)
    await ended(mine, media_id)
    with pytest.raises(Refused, match="not_found"):
        await theirs.request("GET", f"/v1/media/{media_id}")
    conversation = await mine.converse(bob.user_id)
    path = f"/v1/conversations/{conversation.id}/messages/01900000-0000-7000-8000-0000000000ad"
    await mine.request("PUT", path, json={"text": "look", "media_ids": [media_id]})

    async def seen() -> bool:
        try:
            return (await theirs.request("GET", f"/v1/media/{media_id}")).status_code == 200
        except Refused:
            return False

    await eventually(seen)
    with pytest.raises(Refused, match="not_found"):
        await foreign.request("GET", f"/v1/media/{media_id}")


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
