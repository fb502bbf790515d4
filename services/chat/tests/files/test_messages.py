"""What readers learn of the files of messages, wherever messages are shown."""

import orjson
import pytest

from messenger_contracts.identity import service
from messenger_contracts.media import Media
from messenger_contracts.realtime import conversation_channel
from servicekit.testing import PREFIX, person


async def shown_everywhere(who, c: str, message: dict) -> list[list[dict]]:
    """The files of a message that is the conversation's only one, as each route that shows it tells of them."""
    path = f"/v1/conversations/{c}"
    synced = (await who.get("/v1/sync")).json()["conversations"][c]["events"]
    return [
        (await who.get(f"{path}/messages")).json()["items"][0]["media"],
        (await who.get(f"{path}/messages/{message['id']}")).json()["media"],
        (await who.get(f"{path}/pins")).json()["items"][0]["media"],
        (await who.events(c))[-2]["data"]["media"],
        synced[-2]["data"]["media"],
        (await who.get(path)).json()["last_message"]["media"],
        (await who.get("/v1/conversations")).json()["items"][0]["last_message"]["media"],
        (await who.begin("user-ada" if who.name == "bob" else "user-bob")).json()["last_message"]["media"],
    ]


@pytest.fixture
def pinned(talk):
    """Send a message with files, and pin it."""

    async def send(*media_ids: str) -> dict:
        ada, _, c = talk
        message = await ada.say(c, "look", media_ids=media_ids)
        pin = await ada.request("PUT", f"/v1/conversations/{c}/messages/{message['id']}/pin")
        assert pin.status_code == 204
        return message

    return send


async def test_every_route_that_shows_a_message_describes_its_files(talk, pinned, library) -> None:
    ada, bob, c = talk
    one, other = library.add(ada), library.add(ada)

    message = await pinned(other, one)

    described = [library.described(other), library.described(one)]
    assert message["media"] == described
    assert await shown_everywhere(bob, c, message) == [described] * 8


async def test_a_page_of_messages_is_one_question(talk, library) -> None:
    ada, bob, c = talk
    media_ids = [library.add(ada) for _ in range(30)]
    for media_id in media_ids:
        await ada.say(c, media_ids=[media_id])
    library.asked.clear()

    items = (await bob.get(f"/v1/conversations/{c}/messages")).json()["items"]

    assert [each["media"][0]["id"] for each in items] == media_ids[::-1]
    assert {each["media"][0]["status"] for each in items} == {"ready"}
    [asked] = library.asked
    assert {each.reader for each in asked.questions} == {bob.id}
    assert sorted(each for one in asked.questions for each in one.sent) == sorted(media_ids)


async def test_nobody_is_asked_about_messages_without_files(talk, library) -> None:
    ada, bob, c = talk
    await ada.say(c)
    await bob.get(f"/v1/conversations/{c}/messages")
    await bob.get("/v1/sync")
    assert library.asked == []


async def test_while_media_is_away_messages_are_read_without_their_files(talk, pinned, library) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    message = await pinned(media_id)
    library.away = True

    [shown] = (await bob.get(f"/v1/conversations/{c}/messages/{message['id']}")).json()["media"]
    assert (shown["id"], shown["status"], shown["variants"]) == (media_id, "unknown", {})
    assert [each[0]["status"] for each in await shown_everywhere(bob, c, message)] == ["unknown"] * 8


async def test_what_was_deleted_or_is_kept_from_the_reader_is_hidden(talk, library) -> None:
    ada, bob, c = talk
    kept, gone = library.add(ada), library.add(ada)
    await ada.say(c, media_ids=[kept, gone])
    library.remove(gone)
    library.apart.add((ada.id, bob.id))

    [theirs] = (await bob.get(f"/v1/conversations/{c}/messages")).json()["items"]
    [own] = (await ada.get(f"/v1/conversations/{c}/messages")).json()["items"]

    assert [each["status"] for each in theirs["media"]] == ["hidden", "hidden"]
    assert [each["status"] for each in own["media"]] == ["ready", "hidden"]


async def test_live_events_describe_files_and_say_that_there_are_some(talk, library, listening) -> None:
    ada, _, c = talk
    media_id = library.add(ada)
    async with listening(c, conversation_channel(PREFIX, c)) as heard:
        message = await ada.say(c, "look", media_ids=[media_id])
        asked = len(library.asked)
        [sent] = (await heard())[1].events
        path = f"/v1/conversations/{c}/messages/{message['id']}"
        edit = await ada.request("PATCH", path, json={"text": "see"})
        [edited] = (await heard())[1].events

    assert asked == 1
    assert edit.json()["media"] == [library.described(media_id)]
    for live in (sent, edited):
        assert orjson.loads(live.frame)["d"]["data"]["media"] == [library.described(media_id)]
        assert live.readers["files"]


async def test_returning_clients_and_gateways_get_files_too(talk, library, client, callers) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    await ada.say(c, media_ids=[media_id])
    headers = await callers.headers(service("gateway"))
    resume = {"positions": {c: 2}, "limit": 10}
    body = {"resumes": [{"user_id": each, "resume": resume} for each in (ada.id, bob.id)]}
    library.asked.clear()

    lines = (await client.post("/internal/resumes", json=body, headers=headers)).content.split(b"\n")
    missed = await client.post("/internal/missed", json={"after": {c: 2}}, headers=headers)

    frames = [orjson.loads(line)["d"]["data"]["media"] for line in lines[1:]]
    assert frames == [[library.described(media_id)]] * 2
    assert {each.reader for each in library.asked[0].questions} == {ada.id, bob.id}
    [event] = missed.json()["events"]
    assert event["event"]["data"]["media"] == [library.described(media_id)]
    assert event["readers"]["files"]


async def test_a_search_describes_files(talk, library, sql) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    message = await ada.say(c, "umbrella", media_ids=[media_id])
    await sql(
        "INSERT INTO search_words (conversation_id, seq, at, words) VALUES ($1::text::uuid, $2, now(), "
        "to_tsvector('simple', 'umbrella'))",
        c,
        message["seq"],
    )

    [found] = (await bob.get("/v1/search/messages", q="umbrella")).json()["items"]

    assert found["message"]["media"] == [library.described(media_id)]


async def test_moderators_see_the_files_of_what_was_reported(talk, library, client, callers) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    message = await ada.say(c, media_ids=[media_id])
    path = f"/v1/conversations/{c}/messages/{message['id']}/report"
    assert (await bob.request("POST", path, json={"reason": "spam"})).status_code == 201
    headers = await callers.headers(person("mo").model_copy(update={"groups": ("moderators",)}))

    [report] = (await client.get("/v1/moderation/reports", headers=headers)).json()["items"]

    assert report["message"]["media"] == [library.described(media_id)]


async def test_an_answer_that_makes_no_sense_is_none(talk, library) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    await ada.say(c, media_ids=[media_id])
    library.media[media_id] = Media.model_construct(id=7)
    page = await bob.get(f"/v1/conversations/{c}/messages")
    assert (page.status_code, page.json()["items"][0]["media"][0]["status"]) == (200, "unknown")
