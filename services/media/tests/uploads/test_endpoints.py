"""Uploads through the API, and the bytes through S3's presigned requests."""

import asyncio
import base64
import hashlib

import pytest

from media_service.files.domain import incoming_key

CONTENT = b"what a picture is made of"
MIB = 1024 * 1024


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def send(s3, request, content, **headers):
    return await s3.request(request["method"], request["url"], content=content, headers=request["headers"] | headers)


async def test_a_file_is_uploaded_and_on_its_way_until_it_is_looked_at(alice, s3, show) -> None:
    announced = await alice.announce(sha256=digest(CONTENT).upper())
    media_id, request = announced.json()["media_id"], announced.json()["upload"]
    assert announced.status_code == 201
    assert (await send(s3, request, CONTENT)).status_code == 200
    assert (await alice.ask("POST", f"uploads/{media_id}/complete")).status_code == 202
    waiting = await alice.ask("GET", f"media/{media_id}")
    assert (waiting.status_code, waiting.json()["status"], waiting.json()["variants"]) == (202, "pending", {})

    await show(media_id)

    ready = await alice.ask("GET", f"media/{media_id}")
    assert (ready.status_code, ready.json()["status"], ready.json()["kind"]) == (200, "ready", "image")
    assert (await s3.get(ready.json()["variants"]["thumb"]["url"])).content == CONTENT


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"what a picture is made 0f", {}),
        (CONTENT + b"!", {"Content-Length": str(len(CONTENT) + 1)}),
        (CONTENT, {"Content-Type": "text/html"}),
        (
            b"what a picture is made 0f",
            {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"what a picture is made 0f").digest()).decode()},
        ),
    ],
    ids=["content", "length", "type", "checksum"],
)
async def test_s3_takes_nothing_but_what_was_announced(alice, s3, stores, content, headers) -> None:
    announced = (await alice.announce(sha256=digest(CONTENT))).json()

    refused = await send(s3, announced["upload"], content, **headers)

    assert refused.status_code in (400, 403)
    assert await stores.objects.head(incoming_key(announced["media_id"])) is None


async def test_who_has_a_file_need_not_upload_it_again(alice, bob, shown) -> None:
    media_id = await shown(alice)

    again = await alice.announce(sha256=digest(CONTENT))
    anothers = await bob.announce(sha256=digest(CONTENT))

    assert again.status_code == 200
    assert again.json() == {"media_id": media_id, "exists": True, "upload": None}
    assert (anothers.status_code, anothers.json()["exists"]) == (201, False)


async def test_what_is_uploaded_to_the_library_too_stays(alice, shown, stores) -> None:
    media_id = await shown(alice, purpose="message")
    assert (await stores.files.get(media_id)).due_at

    assert (await alice.announce(sha256=digest(CONTENT), purpose="library")).json()["media_id"] == media_id

    kept = await stores.files.get(media_id)
    assert (kept.purpose, kept.due_at) == ("library", None)


@pytest.mark.parametrize(("before", "after"), [("avatar", "message"), ("library", "avatar")])
async def test_who_sees_a_file_does_not_change_by_uploading_it_again(alice, shown, before, after) -> None:
    await shown(alice, purpose=before)

    assert (await alice.announce(sha256=digest(CONTENT), purpose=after)).status_code == 201


async def test_a_deleted_file_must_be_uploaded_again(alice, shown) -> None:
    await alice.ask("DELETE", f"media/{await shown(alice)}")

    assert (await alice.announce(sha256=digest(CONTENT))).status_code == 201


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"filename": "a/b.png"}, "/filename"),
        ({"filename": ""}, "/filename"),
        ({"filename": "a\nb.png"}, "/filename"),
        ({"filename": "a\u202egnp.exe"}, "/filename"),
        ({"size": 0}, "/size"),
        ({"content_type": "image"}, "/content_type"),
        ({"content_type": "image/png; charset=x"}, "/content_type"),
        ({"sha256": "abc"}, "/sha256"),
        ({"purpose": "fun"}, "/purpose"),
    ],
)
async def test_a_wish_that_makes_no_sense_is_refused(alice, change, pointer) -> None:
    refused = await alice.announce(**change)

    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_a_file_may_come_with_its_words(alice) -> None:
    media_id = (await alice.announce(caption=" A lighthouse at dusk ")).json()["media_id"]

    assert (await alice.ask("GET", f"media/{media_id}")).json()["caption"] == "A lighthouse at dusk"


async def test_an_avatar_is_a_picture(alice) -> None:
    refused = await alice.announce(purpose="avatar", content_type="video/mp4")

    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media")


async def test_no_file_is_larger_than_any_may_be(alice, settings) -> None:
    refused = await alice.announce(size=settings.upload_limit + 1)

    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("changes", [{"quota_bytes": 100}])
async def test_uploads_at_once_do_not_pass_the_quota(alice, changes) -> None:
    answers = await asyncio.gather(*(alice.announce(size=30) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [413] * 7
    assert (await alice.ask("GET", "media/usage")).json() == {"used": 90, "reserved": 90, "limit": 100}


async def test_space_is_settled_when_a_file_is_ready(alice, shown) -> None:
    await shown(alice)

    assert (await alice.ask("GET", "media/usage")).json()["used"] == len(CONTENT)
    assert (await alice.ask("GET", "media/usage")).json()["reserved"] == 0


async def test_a_cancelled_upload_gives_its_space_back(alice, s3, stores) -> None:
    announced = (await alice.announce()).json()
    await send(s3, announced["upload"], CONTENT)

    assert (await alice.ask("DELETE", f"uploads/{announced['media_id']}")).status_code == 204

    assert (await alice.ask("GET", "media/usage")).json()["used"] == 0
    assert await stores.objects.head(incoming_key(announced["media_id"])) is None
    assert (await alice.ask("GET", f"media/{announced['media_id']}")).status_code == 404
    assert (await alice.ask("DELETE", f"uploads/{announced['media_id']}")).status_code == 404


async def test_nobody_else_goes_on_with_an_upload(alice, bob) -> None:
    media_id = (await alice.announce()).json()["media_id"]

    for method, path in [("POST", "/parts"), ("POST", "/complete"), ("DELETE", "")]:
        assert (await bob.ask(method, f"uploads/{media_id}{path}")).status_code == 404


async def test_what_is_not_there_is_not_complete(alice) -> None:
    media_id = (await alice.announce()).json()["media_id"]

    refused = await alice.ask("POST", f"uploads/{media_id}/complete")

    assert (refused.status_code, refused.json()["code"]) == (409, "upload_incomplete")


async def test_a_complete_upload_is_complete_again(alice, s3) -> None:
    media_id = await alice.upload(s3)

    assert (await alice.ask("POST", f"uploads/{media_id}/complete")).status_code == 202
    assert (await alice.ask("POST", f"uploads/{media_id}/parts")).status_code == 409
    assert (await alice.ask("DELETE", f"uploads/{media_id}")).status_code == 409


async def test_a_client_that_starts_again_gets_the_request_anew(alice, s3) -> None:
    media_id = (await alice.announce()).json()["media_id"]

    [part] = (await alice.ask("POST", f"uploads/{media_id}/parts")).json()["items"]

    assert not part["uploaded"]
    assert (await send(s3, part["upload"], CONTENT)).status_code == 200
    [part] = (await alice.ask("POST", f"uploads/{media_id}/parts")).json()["items"]
    assert (part["uploaded"], part["upload"]) == (True, None)


@pytest.mark.parametrize("changes", [{"multipart_above": 1 * MIB}])
async def test_an_upload_in_parts_goes_on_where_it_broke_off(alice, s3, stores, changes) -> None:
    content = bytes(16 * MIB) + b"the rest"
    announced = (await alice.announce(content)).json()
    media_id, upload = announced["media_id"], announced["upload"]
    assert (upload["method"], upload["parts"], upload["part_size"]) == ("multipart", 2, 16 * MIB)
    parts = (await alice.ask("POST", f"uploads/{media_id}/parts")).json()["items"]
    assert (await send(s3, parts[1]["upload"], b"the rest")).status_code == 200
    assert (await send(s3, parts[0]["upload"], b"too little", **{"Content-Length": "10"})).status_code == 403

    early = await alice.ask("POST", f"uploads/{media_id}/complete")
    first, second = (await alice.ask("POST", f"uploads/{media_id}/parts")).json()["items"]

    assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")
    assert [error["pointer"] for error in early.json()["errors"]] == ["/parts/1"]
    assert (first["uploaded"], second["uploaded"], second["upload"]) == (False, True, None)
    assert (await send(s3, first["upload"], content[: 16 * MIB])).status_code == 200
    assert (await alice.ask("POST", f"uploads/{media_id}/complete")).status_code == 202
    head = await stores.objects.head(incoming_key(media_id))
    assert head
    assert head.size == len(content)


@pytest.mark.parametrize("changes", [{"multipart_above": 1}])
async def test_parts_are_joined_once_however_many_say_that_they_are_sent(alice, s3, stores, changes) -> None:
    media_id = (await alice.announce()).json()["media_id"]
    [part] = (await alice.ask("POST", f"uploads/{media_id}/parts")).json()["items"]
    await send(s3, part["upload"], CONTENT)

    answers = await asyncio.gather(*(alice.ask("POST", f"uploads/{media_id}/complete") for _ in range(6)))

    assert {answer.status_code for answer in answers} == {202}
    assert (await stores.files.get(media_id)).version == 2


@pytest.mark.parametrize("changes", [{"multipart_above": 1}])
async def test_parts_that_are_thrown_away_meanwhile_are_not_joined(alice, s3, stores, changes) -> None:
    media_id = (await alice.announce()).json()["media_id"]
    [part] = (await alice.ask("POST", f"uploads/{media_id}/parts")).json()["items"]
    await send(s3, part["upload"], CONTENT)
    key, upload_id = incoming_key(media_id), (await stores.files.get(media_id)).upload_id
    arrived = await stores.objects.parts(key, upload_id)
    assert (await alice.ask("DELETE", f"uploads/{media_id}")).status_code == 204

    assert not await stores.objects.complete_multipart(key, upload_id, arrived)
    assert (await alice.ask("POST", f"uploads/{media_id}/complete")).status_code == 404


@pytest.mark.parametrize("changes", [{"multipart_above": 1}])
async def test_completing_goes_on_when_s3_has_joined_the_parts_already(alice, s3, stores, changes) -> None:
    media_id = (await alice.announce()).json()["media_id"]
    [part] = (await alice.ask("POST", f"uploads/{media_id}/parts")).json()["items"]
    await send(s3, part["upload"], CONTENT)
    file = await stores.files.get(media_id)
    arrived = await stores.objects.parts(incoming_key(media_id), file.upload_id)
    await stores.objects.complete_multipart(incoming_key(media_id), file.upload_id, arrived)

    assert (await alice.ask("POST", f"uploads/{media_id}/complete")).status_code == 202
    assert (await stores.files.get(media_id)).uploaded_at


async def test_a_key_announces_one_upload(alice) -> None:
    wish = {"filename": "a.png", "content_type": "image/png", "size": 9, "purpose": "library"}

    answers = await asyncio.gather(
        *(alice.ask("POST", "uploads", wish, **{"Idempotency-Key": "one"}) for _ in range(5))
    )
    other = await alice.ask("POST", "uploads", wish | {"size": 10}, **{"Idempotency-Key": "one"})

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["media_id"] for answer in answers}) == 1
    assert sum("Idempotency-Replay" not in answer.headers for answer in answers) == 1
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert (await alice.ask("GET", "media/usage")).json()["reserved"] == 9
