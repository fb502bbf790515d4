"""The copy has all that media keeps of a person, and the files themselves."""

import pytest

from media_service.exports.domain import KINDS
from messenger_contracts.identity import service
from messenger_contracts.personal_data import PersonalPage


@pytest.fixture
async def page(client, callers):
    """Asks for a page of the copy, as auth does."""
    headers = await callers.headers(service("auth"))

    async def ask(person, **params):
        return await client.get(f"/internal/exports/{person.id}", params=params, headers=headers)

    return ask


@pytest.fixture
def copy(page):
    """Reads the whole copy: data by kind, and the files."""

    async def read(person, limit=500):
        kinds, files, cursor = {}, [], {}
        while True:
            answer = await page(person, limit=limit, **cursor)
            assert answer.status_code == 200, answer.text
            found = PersonalPage.model_validate_json(answer.content)
            for item in found.items:
                kinds.setdefault(item.kind, []).append(item.data)
            files += found.files
            if found.next is None:
                return kinds, files
            cursor = {"cursor": found.next}

    return read


async def test_the_copy_has_files_albums_and_usage(alice, bob, shown, s3, stores, copy) -> None:
    ready, binned = await shown(alice, b"the sea", filename="The sea.png"), await shown(alice, b"old")
    pending = (await alice.announce(b"to come")).json()["media_id"]
    await shown(bob)
    for media_id, content in ((ready, b"the sea"), (binned, b"old")):
        await stores.objects.write(f"originals/{media_id}", content, "image/png")
    wish = {"title": "Summer", "shared": [{"user_ids": [bob.id], "role": "viewer"}]}
    album = (await alice.ask("POST", "albums", wish)).json()["id"]
    await alice.ask("PUT", f"albums/{album}/items/{ready}")
    await alice.ask("PATCH", f"media/{ready}", {"tags": ["sun"], "caption": "us"})
    await alice.ask("DELETE", f"media/{binned}")

    kinds, files = await copy(alice)

    told = {each["id"]: each for each in kinds["files"]}
    assert told.keys() == {ready, binned, pending}
    assert (told[ready]["tags"], told[ready]["caption"], told[ready]["albums"]) == (["sun"], "us", [album])
    assert (told[pending]["status"], "file" in told[pending], "deleted_at" in told[binned]) == ("pending", False, True)
    assert [(each["title"], each["shared"]) for each in kinds["albums"]] == [("Summer", {bob.id: "viewer"})]
    assert [each["used"] for each in kinds["usage"]] == [len(b"the sea" + b"old" + b"to come")]
    assert {file.name for file in files} == {told[ready]["file"], told[binned]["file"]}
    assert told[ready]["file"] == f"originals/{ready}/The sea.png"
    assert {(await s3.get(file.url)).content for file in files} == {b"the sea", b"old"}


async def test_pages_of_any_size_say_the_same(alice, shown, copy) -> None:
    for number in range(5):
        await shown(alice, bytes([number]))
        await alice.ask("POST", "albums", {"title": f"Album {number}"})

    whole, files = await copy(alice)

    assert [len(whole[kind]) for kind in ("files", "albums", "usage")] == [5, 5, 1]
    for limit in (1, 2, 5):
        again, named = await copy(alice, limit)
        assert again == whole
        assert [file.name for file in named] == [file.name for file in files]


async def test_nobody_has_an_empty_copy(person, copy) -> None:
    kinds, files = await copy(await person("nobody"))
    assert (kinds.keys(), files) == ({"usage"}, [])


@pytest.mark.parametrize(
    ("filename", "called"),
    [
        ("..", "file"),
        (".bashrc", "bashrc"),
        ('a:b*"c".png', "a_b__c_.png"),
        ("ends. ", "ends"),
        ("mer é.png", "mer é.png"),
    ],
)
async def test_a_name_that_is_awkward_elsewhere_is_made_a_plain_one(filename, called, alice, shown, copy) -> None:
    media_id = await shown(alice, filename=filename)
    _, (file,) = await copy(alice)
    assert file.name == f"originals/{media_id}/{called}"


@pytest.mark.parametrize("cursor", ["", "x", "files", "nothing:", "files:x", f"{KINDS[0]}:../", "files:" + "a" * 65])
async def test_what_is_no_cursor_is_refused(cursor, alice, page) -> None:
    answer = await page(alice, cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
