"""Search: what the words say now, and only for those who may read it."""

import asyncio
from uuid import uuid4

import pytest

from chat_service.search.repository import WordRepository
from chat_service.search.service import WordSource
from servicekit.follower import Follower
from servicekit.loops import repeated
from servicekit.testing import eventually


@pytest.fixture
async def indexing(database):
    """What the worker runs, beside the test."""
    stopping = asyncio.Event()
    words = Follower(name="search", database=database, source=WordSource(WordRepository()), batch=3)
    running = asyncio.create_task(repeated(words.step, 0.05)(stopping))
    yield
    stopping.set()
    await running


pytestmark = pytest.mark.usefixtures("indexing")


async def direct(one, other) -> str:
    return (await one.begin(other)).json()["id"]


async def search(who, q: str, **params) -> list[str]:
    answer = await who.get("/v1/search/messages", q=q, **params)
    assert answer.status_code == 200, answer.text
    return [found["message"]["text"] for found in answer.json()["items"]]


async def found(who, q: str, *texts: str, **params) -> None:
    """Wait until a search finds exactly these texts."""

    async def finds() -> bool:
        return await search(who, q, **params) == list(texts)

    await eventually(finds)


async def message(who, conversation: str, text: str) -> str:
    return (await who.send(conversation, uuid4(), text)).json()["id"]


async def test_words_are_found_newest_first_with_an_excerpt(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await message(ada, c, "The Harbour is calm")
    await message(bob, c, "Nothing here")
    await message(bob, c, "which harbour? " + "word " * 200)
    await found(ada, "harbour", "which harbour? " + "word " * 200, "The Harbour is calm")
    [newest, oldest] = (await ada.get("/v1/search/messages", q="harbour")).json()["items"]
    assert oldest["excerpt"] == "The «Harbour» is calm"
    assert "«harbour»" in newest["excerpt"]
    assert len(newest["excerpt"]) < 300
    assert newest["message"]["conversation_id"] == c


@pytest.mark.parametrize(
    ("q", "texts"),
    [
        ("red", ["blue red", "red blue"]),
        ("re", ["blue red", "red blue"]),
        ("re ", []),
        ('"red blue"', ["red blue"]),
        ("red blue", ["blue red", "red blue"]),
        ("blue -red", ["blue"]),
        ("red or bluebird", ["bluebird", "blue red", "red blue"]),
        ("BLUEBIRD", ["bluebird"]),
        ('"blu', []),
        ("it's", ["it's here"]),
        ("!!!", []),
        ("' | '", []),
        ("-red", ["it's here", "bluebird", "blue"]),
        ("x\\:* & (", []),
    ],
)
async def test_what_a_search_means(people, q, texts) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    for text in ("red blue", "blue", "blue red", "bluebird", "it's here"):
        await message(bob, c, text)
    await found(ada, "here", "it's here")
    assert await search(ada, q) == texts


@pytest.mark.parametrize("q", ["\u00e9clair", "e\u0301clair", "E\u0301CLAI"])
async def test_an_accent_is_the_same_however_it_was_typed(people, q) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await message(ada, c, "one \u00e9clair")
    await message(ada, c, "two e\u0301clairs")
    await message(ada, c, "an eclair")
    await found(bob, "eclair", "an eclair")
    assert await search(bob, q) == ["two e\u0301clairs", "one \u00e9clair"]


async def test_an_edited_message_is_found_by_its_new_words_only(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    sent = await message(ada, c, "meet at noon")
    await found(bob, "noon", "meet at noon")
    path = f"/v1/conversations/{c}/messages/{sent}"
    assert (await ada.request("PATCH", path, json={"text": "meet at dusk"})).status_code == 200
    await found(bob, "dusk", "meet at dusk")
    assert await search(bob, "noon") == []


async def test_a_deleted_message_is_not_found(people, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    sent = await message(ada, c, "secret plan")
    await found(bob, "secret", "secret plan")
    assert (await ada.request("DELETE", f"/v1/conversations/{c}/messages/{sent}")).status_code == 204
    assert await search(bob, "secret") == []

    async def forgotten() -> bool:
        return not await sql("SELECT * FROM search_words")

    await eventually(forgotten)


async def test_a_message_that_one_deleted_for_oneself_is_found_by_the_others(people) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    sent = await message(ada, c, "old story")
    await found(ada, "story", "old story")
    path = f"/v1/conversations/{c}/messages/{sent}"
    assert (await ada.request("DELETE", path, params={"for": "me"})).status_code == 204
    assert (await search(ada, "story"), await search(bob, "story")) == ([], ["old story"])


async def test_a_stranger_finds_nothing(people) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    c, with_eve = await direct(ada, bob), await direct(bob, eve)
    await message(ada, c, "between us")
    await message(bob, with_eve, "and us")
    await found(bob, "us", "and us", "between us")
    assert await search(eve, "us") == ["and us"]
    answer = await eve.get("/v1/search/messages", q="us", conversation=c)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_member")


async def test_who_came_late_finds_nothing_from_before(people, group_of, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    await message(ada, c, "before bob")
    await sql("UPDATE members SET visible_from = 4 WHERE user_id = $1", bob.id)
    await message(ada, c, "after bob")
    await found(ada, "bob", "after bob", "before bob")
    assert await search(bob, "bob") == ["after bob"]


async def test_who_left_finds_nothing(people, group_of, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    await message(ada, c, "well then")
    await found(bob, "well", "well then")
    await sql("UPDATE members SET left_at = now() WHERE user_id = $1", bob.id)
    assert await search(bob, "well") == []


async def test_in_groups_one_does_not_find_what_people_say_whom_one_blocks(people, group_of, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    await message(bob, c, "look at me")
    await found(ada, "look", "look at me")
    await sql("INSERT INTO blocks (blocker, blocked, active, version) VALUES ($1, $2, true, 1)", ada.id, bob.id)
    assert (await search(ada, "look"), await search(bob, "look")) == ([], ["look at me"])


async def test_what_is_over_is_not_found(people, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await direct(ada, bob)
    await message(ada, c, "for a while")
    await found(bob, "while", "for a while")
    await sql("UPDATE messages SET expires_at = now()")
    assert await search(bob, "while") == []


async def test_a_search_can_be_narrowed_and_paged(people) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    with_bob, with_cleo = await direct(ada, bob), await direct(ada, cleo)
    for n in range(3):
        await message(ada, with_bob, f"word {n}")
    await message(bob, with_bob, "word of bob")
    await message(cleo, with_cleo, "word of cleo")
    every = ["word of cleo", "word of bob", "word 2", "word 1", "word 0"]
    await found(ada, "word", *every)
    assert await search(ada, "word", conversation=with_cleo) == every[:1]
    assert await search(ada, "word", **{"from": bob.id}) == every[1:2]
    [second] = (await ada.get("/v1/search/messages", q="word 1")).json()["items"]
    later = await search(ada, "word", before=second["message"]["created_at"])
    assert later == every[4:]
    seen, link = [], f"/v1/search/messages?q=word&from={ada.id}&limit=2&conversation={with_bob}"
    while link:
        page = await ada.get(link)
        seen += [each["message"]["text"] for each in page.json()["items"]]
        link = page.links.get("next", {}).get("url")
    assert seen == every[2:]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"q": ""},
        {"q": "a\x00b"},
        {"q": "x" * 257},
        {"q": "x", "from": "\x00"},
        {"q": "x", "before": "0001-01-01T00:00:00+14:00"},
        {"q": "x", "cursor": "v4.local.x"},
    ],
)
async def test_a_bad_search_is_refused(people, params) -> None:
    [ada] = await people("ada")
    answer = await ada.get("/v1/search/messages", **params)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
