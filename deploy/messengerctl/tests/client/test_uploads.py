"""A file arrives whole, whatever breaks off on the way; what has arrived is not sent again."""

import json
from typing import Any

import httpx
import pytest

from messengerctl.client import Client, Refused, Tokens, Unreachable, Uploads
from messengerctl.client.uploads import PARTS_AT_ONCE, Held, Wish

ID = "01900000-0000-7000-8000-0000000000aa"
PART = 1000
CONTENT = bytes(range(250)) * 26  # six parts and a half
WISH = Wish(filename="a.bin", content_type="application/octet-stream", size=len(CONTENT), sha256="0" * 64)


class Media:
    """Media and its bucket, which misbehave as they are told."""

    def __init__(self) -> None:
        self.arrived: dict[int, bytes] = {}
        self.sent: list[int] = []
        self.rounds = 0
        self.failures: list[httpx.Response | Exception] = []
        self.complete = False
        self.looks = 0
        self.most_at_once = self._at_once = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/v1/uploads":
            return httpx.Response(201, json={"media_id": ID, "exists": False, "upload": {"method": "multipart"}})
        if path.endswith("/parts"):
            return self._parts()
        if path.endswith("/complete"):
            return self._complete()
        self.looks += 1
        media = {"id": ID, "status": "ready" if self.looks > 1 else "processing", "kind": "file"}
        return httpx.Response(200 if self.looks > 1 else 202, json=media)

    def _parts(self) -> httpx.Response:
        if self.complete:
            return _problem(409, "conflict")
        self.rounds += 1
        sizes = [len(CONTENT[at : at + PART]) for at in range(0, len(CONTENT), PART)]
        items = [self._part(number, size) for number, size in enumerate(sizes, 1)]
        return httpx.Response(200, json={"part_size": PART, "items": items})

    def _part(self, number: int, size: int) -> dict[str, Any]:
        request = {"method": "PUT", "url": f"http://bucket/{number}", "headers": {"Content-Length": str(size)}}
        there = number in self.arrived
        return {"number": number, "size": size, "uploaded": there, "upload": None if there else request}

    def _complete(self) -> httpx.Response:
        if len(self.arrived) < -(-len(CONTENT) // PART):
            return _problem(409, "upload_incomplete")
        self.complete = True
        return httpx.Response(202, json={"id": ID, "status": "pending"})

    async def take(self, request: httpx.Request) -> httpx.Response:
        """Take a part, as the bucket."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        content, number = await request.aread(), int(request.url.path[1:])
        self._at_once -= 1
        self.sent.append(number)
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, Exception):
            raise failure
        if failure is not None:
            return failure
        assert request.headers["content-length"] == str(len(content))
        self.arrived[number] = content
        return httpx.Response(200)


def _problem(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": code})


@pytest.fixture
def media() -> Media:
    return Media()


@pytest.fixture
async def uploads(media):
    tokens = Tokens("access", "refresh", float("inf"))
    transport, bucket = httpx.MockTransport(media.answer), httpx.MockTransport(media.take)
    async with (
        Client("http://test", tokens, transport=transport) as client,
        Uploads(client, transport=bucket) as sending,
    ):
        yield sending


def whole(media: Media) -> bytes:
    return b"".join(media.arrived[number] for number in sorted(media.arrived))


async def test_a_file_goes_in_parts_and_is_waited_for(uploads, media):
    progress: list[int] = []
    ended = await uploads.upload(WISH, Held(CONTENT), "key", progress.append)
    assert (ended.status, whole(media)) == ("ready", CONTENT)
    assert progress == sorted(progress)
    assert progress[-1] == len(CONTENT)
    assert media.most_at_once <= PARTS_AT_ONCE


@pytest.mark.parametrize(
    "failure",
    [
        httpx.WriteError("cut"),
        httpx.Response(503),
        httpx.Response(403, text="<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"),
    ],
    ids=["the connection broke", "the bucket is away", "the request is too old"],
)
async def test_what_failed_goes_again_by_a_fresh_request_and_the_rest_does_not(uploads, media, failure):
    media.failures = [failure]
    await uploads.send(ID, Held(CONTENT))
    assert (whole(media), media.rounds) == (CONTENT, 2)
    assert sorted(media.sent) == sorted([*range(1, 8), 1])


async def test_who_begins_anew_sends_only_what_is_missing(uploads, media):
    media.arrived = {number: CONTENT[(number - 1) * PART : number * PART] for number in (1, 2, 5)}
    progress: list[int] = []
    await uploads.send(ID, Held(CONTENT), progress.append)
    assert (whole(media), sorted(media.sent)) == (CONTENT, [3, 4, 6, 7])
    assert progress[0] == 3 * PART


async def test_an_upload_that_is_complete_already_is_complete(uploads, media):
    media.complete = True
    await uploads.send(ID, Held(CONTENT))
    assert media.sent == []


async def test_what_the_bucket_will_never_take_ends_it_at_once(uploads, media):
    media.failures = [httpx.Response(400, text="<Error><Code>BadDigest</Code></Error>")]
    with pytest.raises(Refused, match="part 1: BadDigest"):
        await uploads.send(ID, Held(CONTENT))
    assert (media.rounds, media.complete) == (1, False)


async def test_a_bucket_that_stays_away_is_given_up(uploads, media, monkeypatch):
    monkeypatch.setattr("messengerctl.client.uploads.ROUNDS", 3)
    media.failures = [httpx.ConnectError("refused")] * 100
    with pytest.raises(Unreachable, match="ConnectError"):
        await uploads.send(ID, Held(CONTENT))
    assert media.rounds == 4


async def test_content_that_cannot_be_read_ends_it(uploads, media):
    class Broken:
        async def read(self, start: int, length: int) -> bytes:
            raise ValueError("shorter than it was")

    with pytest.raises(ValueError, match="shorter"):
        await uploads.send(ID, Broken())
    assert not media.complete


async def test_the_key_of_an_announcement_is_sent_with_it(media):
    keys = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append((request.headers["idempotency-key"], json.loads(request.content)["sha256"]))
        return httpx.Response(200, json={"media_id": ID, "exists": True, "upload": None})

    tokens = Tokens("access", "refresh", float("inf"))
    async with Client("http://test", tokens, transport=httpx.MockTransport(answer)) as client, Uploads(client) as one:
        assert (await one.announce(WISH, "mine")).exists
    assert keys == [("mine", WISH.sha256)]
