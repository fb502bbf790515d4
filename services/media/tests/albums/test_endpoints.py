"""Albums: shared by role, and what their files are seen by."""

from typing import Any

import pytest

from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.media import AlbumDeleted
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked


def told(data: Any) -> Event[Any]:
    return Event(
        id="e",
        source="-",
        type=data.TYPE,
        time="2026-01-31T09:30:00Z",
        subject="-",
        dataschema=schema_uri(data.TYPE),
        data=data,
    )


async def album_of(owner, **wish) -> str:
    made = await owner.ask("POST", "albums", {"title": "Summer"} | wish)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def put(person, album: str, media_id: str) -> int:
    return (await person.ask("PUT", f"albums/{album}/items/{media_id}")).status_code


async def listed(person, album: str) -> list[str]:
    return [item["id"] for item in (await person.ask("GET", f"albums/{album}/items")).json()["items"]]


async def test_a_viewer_sees_what_is_in_an_album_and_changes_nothing(alice, bob, shown) -> None:
    album = await album_of(alice, shared=[{"user_ids": [bob.id], "role": "viewer"}])
    media_id = await shown(alice)
    assert await put(alice, album, media_id) == 204

    seen = (await bob.ask("GET", f"albums/{album}")).json()

    assert (seen["role"], seen["items"], seen["shared"]) == ("viewer", 1, {})
    assert await listed(bob, album) == [media_id]
    assert (await bob.ask("GET", f"media/{media_id}")).status_code == 200
    assert await put(bob, album, await shown(bob)) == 403
    for method, path, body in [
        ("PATCH", "", {"title": "x"}),
        ("DELETE", "", None),
        ("DELETE", f"/items/{media_id}", None),
    ]:
        assert (await bob.ask(method, f"albums/{album}{path}", body)).status_code == 403


async def test_a_contributor_adds_and_takes_out_their_own(alice, bob, shown) -> None:
    album = await album_of(alice, shared=[{"user_ids": [bob.id], "role": "contributor"}])
    hers, his = await shown(alice), await shown(bob)

    assert [await put(alice, album, hers), await put(bob, album, his), await put(bob, album, his)] == [204] * 3
    assert await put(bob, album, hers) == 404, "it is not his to add"

    assert await listed(alice, album) == await listed(bob, album) == [his, hers]
    assert (await bob.ask("DELETE", f"albums/{album}/items/{hers}")).status_code == 403
    for _ in range(2):
        assert (await bob.ask("DELETE", f"albums/{album}/items/{his}")).status_code == 204
    assert await listed(alice, album) == [hers]
    assert (await alice.ask("GET", f"media/{his}")).status_code == 404
    assert (await alice.ask("GET", f"albums/{album}")).json()["items"] == 1


async def test_to_others_an_album_does_not_exist(alice, bob) -> None:
    album = await album_of(alice)

    for method, path in [("GET", ""), ("GET", "/items"), ("PATCH", ""), ("DELETE", ""), ("PUT", "/items/x")]:
        answer = await bob.ask(method, f"albums/{album}{path}", {} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), method
    assert (await bob.ask("GET", "albums")).json()["items"] == []


async def test_who_is_taken_out_sees_nothing_any_more(alice, bob, shown) -> None:
    album = await album_of(alice, shared=[{"user_ids": [bob.id, "user-carol"]}])
    media_id = await shown(alice)
    await put(alice, album, media_id)

    changed = await alice.ask(
        "PATCH", f"albums/{album}", {"shared": [{"user_ids": ["user-carol"], "role": "contributor"}]}
    )

    assert changed.json()["shared"] == {"user-carol": "contributor"}
    assert (await bob.ask("GET", f"media/{media_id}")).status_code == 404
    assert (await bob.ask("GET", "albums")).json()["items"] == []
    back = await alice.ask("PATCH", f"albums/{album}", {"shared": [{"user_ids": [bob.id]}]})
    assert back.json()["shared"] == {bob.id: "viewer"}
    assert (await bob.ask("GET", f"media/{media_id}")).status_code == 200


async def test_who_was_taken_out_can_still_take_down_what_is_theirs(alice, bob, shown) -> None:
    album = await album_of(alice, shared=[{"user_ids": [bob.id, "user-carol"], "role": "contributor"}])
    his, hers = await shown(bob), await shown(alice)
    await put(bob, album, his)
    await put(alice, album, hers)
    await alice.ask("PATCH", f"albums/{album}", {"shared": []})

    assert (await bob.ask("DELETE", f"albums/{album}/items/{hers}")).status_code == 404
    assert (await bob.ask("DELETE", f"albums/{album}/items/{his}")).status_code == 204

    assert await listed(alice, album) == [hers]
    assert (await alice.ask("GET", f"media/{his}")).status_code == 404


async def test_people_leave_albums(alice, bob, person, shown) -> None:
    carol = await person("carol")
    album = await album_of(alice, shared=[{"user_ids": [bob.id, carol.id]}])
    await put(alice, album, await shown(alice))

    refused = [
        (await bob.ask("DELETE", f"albums/{album}/shared/{carol.id}")).status_code,
        (await alice.ask("DELETE", f"albums/{album}/shared/{alice.id}")).status_code,
    ]
    left = await bob.ask("DELETE", f"albums/{album}/shared/{bob.id}")

    assert (refused, left.status_code) == ([403, 403], 204)
    assert (await bob.ask("GET", f"albums/{album}/items")).status_code == 404
    assert (await bob.ask("GET", "albums")).json()["items"] == []
    assert (await alice.ask("DELETE", f"albums/{album}/shared/{carol.id}")).status_code == 204
    assert (await alice.ask("GET", f"albums/{album}")).json()["shared"] == {}


@pytest.mark.parametrize("by_owner", [True, False])
async def test_a_block_hides_an_album(alice, bob, services, by_owner) -> None:
    album = await album_of(alice, shared=[{"user_ids": [bob.id], "role": "contributor"}])
    who, whom = (alice, bob) if by_owner else (bob, alice)

    await services.grants.block_changed(told(UserBlocked(user_id=who.id, blocked_id=whom.id, version=1)))

    assert (await bob.ask("GET", "albums")).json()["items"] == []
    assert (await bob.ask("GET", f"albums/{album}")).status_code == 404
    assert (await alice.ask("GET", f"albums/{album}")).status_code == 200
    await services.grants.block_changed(told(UserUnblocked(user_id=who.id, blocked_id=whom.id, version=2)))
    assert [each["id"] for each in (await bob.ask("GET", "albums")).json()["items"]] == [album]


async def test_a_change_of_what_was_not_read_is_refused(alice) -> None:
    album = await album_of(alice)
    read = (await alice.ask("GET", f"albums/{album}")).headers["ETag"]
    await alice.ask("PATCH", f"albums/{album}", {"title": "Autumn"})

    late = await alice.ask("PATCH", f"albums/{album}", {"title": "Winter"}, **{"If-Match": read})

    assert (late.status_code, (await alice.ask("GET", f"albums/{album}")).json()["title"]) == (412, "Autumn")


async def test_a_deleted_album_leaves_its_files_with_their_owners(alice, bob, shown, services, stores) -> None:
    album = await album_of(alice, shared=[{"user_ids": [bob.id]}])
    media_id = await shown(alice, purpose="message")
    await put(alice, album, media_id)

    assert (await alice.ask("DELETE", f"albums/{album}")).status_code == 204

    assert (await alice.ask("GET", f"albums/{album}")).status_code == 404
    assert (await bob.ask("GET", f"media/{media_id}")).status_code == 404
    assert (await alice.ask("GET", f"media/{media_id}")).status_code == 200
    for _ in range(2):
        await services.albums.clear(told(AlbumDeleted(album_id=album, owner_id=alice.id)))
    assert not (await stores.files.get(media_id)).is_used


async def test_albums_are_listed_in_pages(alice, bob) -> None:
    made = [await album_of(alice, title=str(number), shared=[{"user_ids": [bob.id]}]) for number in range(3)]

    first = await bob.client.get("/v1/albums?limit=2", headers=bob.headers)
    second = await bob.client.get(first.links["next"]["url"], headers=bob.headers)

    assert [album["id"] for page in (first, second) for album in page.json()["items"]] == made[::-1]
    assert second.json()["next"] is None


async def test_an_album_has_room_for_so_many_people(alice) -> None:
    people = [f"user-{number}" for number in range(46)]
    others = {"shared": [{"user_ids": [f"other-{number}" for number in range(45)]}]}
    too_many = {"title": "a", "shared": [{"user_ids": people[:40]}, {"user_ids": people[40:]}]}

    full = await alice.ask("POST", "albums", {"title": "a", "shared": [{"user_ids": people[:45]}]})
    anew = await alice.ask("PATCH", f"albums/{full.json()['id']}", others)
    crowded = await alice.ask("POST", "albums", too_many)

    assert (full.status_code, anew.status_code, crowded.status_code) == (201, 200, 422)


async def test_a_key_makes_one_album(alice) -> None:
    answers = [await alice.ask("POST", "albums", {"title": "a"}, **{"Idempotency-Key": "k"}) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replay"] == "true"
