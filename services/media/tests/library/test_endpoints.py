"""The library through the API."""

import pytest

from messenger_contracts.media import RejectReason


async def ids(person, **query) -> list[str]:
    answer = await person.client.get("/v1/media", params=query, headers=person.headers)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_a_person_lists_their_own_files_newest_first(alice, bob, shown) -> None:
    mine = [await shown(alice, bytes([number])) for number in range(3)]
    theirs = await shown(bob)

    assert await ids(alice) == mine[::-1]
    assert await ids(alice, sort="oldest") == mine
    assert await ids(bob) == [theirs]


async def test_what_is_not_ready_is_not_listed(alice, s3) -> None:
    await alice.upload(s3)

    assert await ids(alice) == []


@pytest.mark.parametrize("sort", ["newest", "oldest"])
async def test_pages_follow_each_other(alice, shown, sort) -> None:
    mine = [await shown(alice, bytes([number])) for number in range(5)]
    listed, url = [], f"/v1/media?limit=2&sort={sort}"
    while url:
        page = await alice.client.get(url, headers=alice.headers)
        listed += [item["id"] for item in page.json()["items"]]
        url = page.links["next"]["url"] if "next" in page.links else None
        assert bool(url) == bool(page.json()["next"])

    assert listed == (mine if sort == "oldest" else mine[::-1])


async def test_a_cursor_is_its_readers_own(alice, bob, shown) -> None:
    for number in range(2):
        await shown(alice, bytes([number]))
    page = await alice.client.get("/v1/media?limit=1", headers=alice.headers)

    foreign = await bob.client.get("/v1/media", params={"cursor": page.json()["next"]}, headers=bob.headers)

    assert (foreign.status_code, foreign.json()["code"]) == (422, "validation_failed")


async def test_lists_are_cut_by_tag_kind_and_time(alice, s3, show) -> None:
    picture, sound = [
        await alice.upload(s3, bytes([number]), content_type=kind)
        for number, kind in enumerate(["image/png", "audio/ogg"])
    ]
    await show(picture)
    await show(sound, kind="audio", content_type="audio/ogg")
    await alice.ask("PATCH", f"media/{picture}", {"tags": ["Holiday", "sea", "holiday"]})
    await alice.ask("PATCH", f"media/{sound}", {"tags": ["sea"]})
    made = (await alice.ask("GET", f"media/{sound}")).json()["created_at"]

    assert await ids(alice, tag="holiday") == [picture]
    assert await ids(alice, tag="SEA") == [sound, picture]
    assert await ids(alice, tag="sea", kind="audio") == [sound]
    assert await ids(alice, kind="image") == [picture]
    assert await ids(alice, to=made) in ([picture], [])
    assert sound in await ids(alice, **{"from": made})
    assert await ids(alice, **{"from": "2100-01-01T00:00:00Z"}) == []
    assert await ids(alice, to="1970-01-01T00:00:00Z") == []


async def test_tags_that_are_taken_away_find_nothing(alice, shown) -> None:
    media_id = await shown(alice)
    await alice.ask("PATCH", f"media/{media_id}", {"tags": ["sea", "sun"]})

    changed = await alice.ask("PATCH", f"media/{media_id}", {"tags": ["sun"], "caption": " In the sun "})

    assert (changed.json()["tags"], changed.json()["caption"]) == (["sun"], "In the sun")
    assert await ids(alice, tag="sea") == []
    assert await ids(alice, tag="sun") == [media_id]
    cleared = await alice.ask("PATCH", f"media/{media_id}", {"caption": None})
    assert (cleared.json()["tags"], cleared.json()["caption"]) == (["sun"], None)


async def test_a_change_of_what_was_not_read_is_refused(alice, shown) -> None:
    media_id = await shown(alice)
    read = (await alice.ask("GET", f"media/{media_id}")).headers["ETag"]
    assert (await alice.ask("PATCH", f"media/{media_id}", {"caption": "a"}, **{"If-Match": read})).status_code == 200

    late = await alice.ask("PATCH", f"media/{media_id}", {"caption": "b"}, **{"If-Match": read})

    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert (await alice.ask("GET", f"media/{media_id}")).json()["caption"] == "a"


async def test_a_deleted_file_is_gone_until_it_is_restored(alice, shown) -> None:
    media_id = await shown(alice)
    await alice.ask("PATCH", f"media/{media_id}", {"tags": ["sea"]})

    assert (await alice.ask("DELETE", f"media/{media_id}")).status_code == 204

    assert (await alice.ask("GET", f"media/{media_id}")).status_code == 404
    assert (await alice.ask("DELETE", f"media/{media_id}")).status_code == 404
    assert (await ids(alice), await ids(alice, tag="sea"), await ids(alice, kind="image")) == ([], [], [])
    assert await ids(alice, deleted=True) == [media_id]
    for _ in range(2):
        assert (await alice.ask("POST", f"media/{media_id}/restore")).json()["status"] == "ready"
    assert await ids(alice, tag="sea") == await ids(alice, kind="image") == await ids(alice) == [media_id]
    assert await ids(alice, deleted=True) == []


async def test_an_owner_alone_changes_a_file(alice, bob, shown) -> None:
    media_id = await shown(alice)

    for method, path, body in [
        ("GET", "", None),
        ("PATCH", "", {"caption": "mine"}),
        ("DELETE", "", None),
        ("POST", "/restore", None),
        ("POST", "/crop", {"x": 0, "y": 0, "width": 1, "height": 1}),
    ]:
        answer = await bob.ask(method, f"media/{media_id}{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), method


async def test_a_crop_is_asked_for_once_and_leaves_the_original(alice, services, shown) -> None:
    media_id = await shown(alice)
    wish = {"x": 10, "y": 20, "width": 100, "height": 50}

    first, again = [await alice.ask("POST", f"media/{media_id}/crop", wish) for _ in range(2)]
    file = await services.states.get(media_id)
    assert await services.states.cropped(media_id, "crop-10-20-100x50", file.variants["thumb"])
    made = await alice.ask("POST", f"media/{media_id}/crop", wish)

    assert (first.status_code, again.status_code, made.status_code) == (202, 202, 200)
    assert (len(file.crops), file.version) == (1, 4)
    assert set(made.json()["variants"]) == {"thumb", "crop-10-20-100x50"}
    assert not await services.states.cropped(media_id, "crop-0-0-1x1", file.variants["thumb"])


async def test_what_reaches_beyond_the_picture_is_no_crop(alice, s3, shown) -> None:
    beyond = await alice.ask("POST", f"media/{await shown(alice)}/crop", {"x": 1, "y": 0, "width": 400, "height": 1})
    early = await alice.ask(
        "POST", f"media/{await alice.upload(s3, b'x')}/crop", {"x": 0, "y": 0, "width": 1, "height": 1}
    )

    assert (beyond.status_code, beyond.json()["code"]) == (422, "validation_failed")
    assert (early.status_code, early.json()["code"]) == (409, "conflict")


async def test_a_picture_has_so_many_crops_and_no_more(alice, shown) -> None:
    media_id = await shown(alice)
    wishes = [{"x": x, "y": 0, "width": 1, "height": 1} for x in range(9)]

    answers = [await alice.ask("POST", f"media/{media_id}/crop", wish) for wish in wishes]

    assert [answer.status_code for answer in answers] == [202] * 8 + [409]


async def test_a_rejected_file_says_why_to_its_owner(alice, s3, services) -> None:
    media_id = await alice.upload(s3)
    await services.states.begin(media_id)
    assert await services.states.reject(media_id, RejectReason.DAMAGED)

    answer = await alice.ask("GET", f"media/{media_id}")

    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (200, "rejected", "damaged")
    assert (await alice.ask("GET", "media/usage")).json()["used"] == 0


async def test_ids_that_are_none_are_not_found(alice) -> None:
    for media_id in ("nothing", "-", "0198c0de-0000-7000-8000-000000000001"):
        assert (await alice.ask("GET", f"media/{media_id}")).status_code == 404
        assert (await alice.ask("POST", f"uploads/{media_id}/complete")).status_code == 404
