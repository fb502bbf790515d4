"""Files that arrive after their messages: the log tells of it once, whatever came first."""

import asyncio
from datetime import UTC, datetime

import orjson
import pytest

from chat_service.arrivals.repository import ArrivalRepository
from chat_service.arrivals.service import ArrivalService
from chat_service.log.repository import LogRepository
from chat_service.log.service import ChangeService, LiveService
from chat_service.worker import create
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.media import MediaDeleted, MediaReady, MediaRejected, MediaRestored
from messenger_contracts.realtime import conversation_channel
from servicekit.fanout import FanoutPublisher
from servicekit.sns import Publisher
from servicekit.testing import PREFIX, client_of, eventually


@pytest.fixture
def arrivals(database, valkey, files):
    """The worker's part in it."""
    changes = ChangeService(database, LogRepository(), LiveService(FanoutPublisher(valkey), PREFIX, files))
    return ArrivalService(database, changes, ArrivalRepository())


def happened(kind: type, media_id: str, /, version: int = 3, **more) -> Event:
    data = kind(media_id=media_id, owner_id="user-ada", version=version, **more)
    return Event[kind](
        id=f"media:{media_id}:{version}",
        source="media",
        type=kind.TYPE,
        time=datetime.now(UTC),
        subject=media_id,
        dataschema=schema_uri(kind.TYPE),
        data=data,
    )


def ready(media_id: str) -> Event:
    return happened(MediaReady, media_id, kind="image", content_type="image/png", size=7)


async def edits(who, c: str) -> list[dict]:
    return [event for event in await who.events(c) if event["type"] == "message.edited"]


@pytest.mark.parametrize("first", ["message", "file"])
async def test_the_log_tells_once_that_a_file_has_arrived(talk, library, arrivals, first) -> None:
    """The file may become ready between the question whether it may be sent and the commit of its message."""
    ada, bob, c = talk
    media_id = library.add(ada, "processing")
    event = ready(media_id)
    if first == "file":
        await arrivals.settled(event)
    message = await ada.say(c, "look", media_ids=[media_id])
    assert message["media"][0]["status"] == "processing"
    library.turn(media_id, "ready")
    if first == "message":
        await arrivals.step()
        assert await edits(bob, c) == []
        await arrivals.settled(event)

    await arrivals.step()
    await arrivals.settled(event)
    await arrivals.step()

    [edited] = await edits(bob, c)
    assert (edited["by"], edited["data"]["edited_at"], edited["data"]["id"]) == ("system", None, message["id"])
    assert edited["data"]["media"] == [library.described(media_id)]


async def test_those_who_are_connected_are_told_at_once(talk, library, arrivals, listening) -> None:
    ada, _, c = talk
    one, other = library.add(ada, "pending"), library.add(ada, "processing")
    await ada.say(c, media_ids=[one, other])
    async with listening(c, conversation_channel(PREFIX, c)) as heard:
        for media_id in (one, other):
            library.turn(media_id, "ready")
            await arrivals.settled(ready(media_id))
        await arrivals.step()
        [event] = (await heard())[1].events

    told = orjson.loads(event.frame)["d"]["data"]["media"]
    assert told == [library.described(one), library.described(other)]


async def test_what_is_ready_already_is_not_awaited(talk, library, sql) -> None:
    ada, _, c = talk
    await ada.say(c, media_ids=[library.add(ada)])
    assert await sql("SELECT * FROM awaited_files") == []


async def test_a_message_that_is_gone_waits_for_nothing(talk, library, arrivals, sql) -> None:
    ada, bob, c = talk
    media_id = library.add(ada, "processing")
    message = await ada.say(c, media_ids=[media_id])
    await ada.request("DELETE", f"/v1/conversations/{c}/messages/{message['id']}")
    await arrivals.settled(ready(media_id))

    assert not await arrivals.step()

    assert await edits(bob, c) == []
    assert await sql("SELECT * FROM awaited_files") == []


async def test_two_workers_tell_once(talk, library, arrivals) -> None:
    ada, bob, c = talk
    media_ids = [library.add(ada, "processing") for _ in range(5)]
    for media_id in media_ids:
        await ada.say(c, media_ids=[media_id])
        await arrivals.settled(ready(media_id))
    await asyncio.gather(*(arrivals.step() for _ in range(4)))
    assert len(await edits(bob, c)) == 5


async def test_what_nobody_asks_for_is_forgotten(talk, library, arrivals, sql) -> None:
    ada, _, c = talk
    await ada.say(c, media_ids=[library.add(ada, "pending")])
    for media_id in (library.add(ada), library.add(ada)):
        await arrivals.settled(ready(media_id))
    await sql("UPDATE settled_files SET at = now() - interval '25 hours' WHERE media_id = $1::text::uuid", media_id)
    await arrivals.purge()
    assert len(await sql("SELECT * FROM settled_files")) == 1
    assert len(await sql("SELECT * FROM awaited_files")) == 1
    await sql("UPDATE awaited_files SET since = now() - interval '49 hours'")
    await arrivals.purge()
    assert await sql("SELECT * FROM awaited_files") == []


async def test_the_worker_hears_it_from_media(talk, library, aws, settings) -> None:
    """A rejected file is told of too."""
    ada, bob, c = talk
    media_id = library.add(ada, "processing")
    await ada.say(c, media_ids=[media_id])
    publisher = Publisher(await aws.client("sns"), settings.topic_arn("events", "media"))
    async with client_of(create(settings)):
        library.turn(media_id, "rejected")
        await publisher.publish([happened(MediaRejected, media_id, reason="damaged")])

        async def told():
            return await edits(bob, c)

        [edited] = await eventually(told)
    assert edited["data"]["media"][0]["status"] == "rejected"


async def test_in_a_group_that_has_ended_nobody_is_told(people, group_of, library, arrivals, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    media_id = library.add(ada, "processing")
    await ada.say(c, media_ids=[media_id])
    assert (await ada.request("DELETE", f"/v1/conversations/{c}")).status_code == 204
    await arrivals.settled(ready(media_id))

    await arrivals.step()

    assert await sql("SELECT * FROM awaited_files") == []


def deleted(media_id: str, version: int = 4, **more) -> Event:
    return happened(MediaDeleted, media_id, version, **more)


def restored(media_id: str, version: int = 5) -> Event:
    return happened(MediaRestored, media_id, version)


async def test_the_log_tells_that_a_file_is_out_of_sight_and_that_it_is_there_again(talk, library, arrivals) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    message = await ada.say(c, "look", media_ids=[media_id])

    owner, shown = library.owners[media_id], library.media[media_id]
    library.remove(media_id)
    await arrivals.deleted(deleted(media_id))
    await arrivals.step()
    library.owners[media_id], library.media[media_id] = owner, shown
    await arrivals.restored(restored(media_id))
    await arrivals.step()

    told = await edits(bob, c)
    assert [(each["by"], each["data"]["edited_at"], each["data"]["id"]) for each in told] == [
        ("system", None, message["id"])
    ] * 2
    assert [each["data"]["media"] for each in told] == [[library.described(media_id)]] * 2


async def test_a_device_hears_that_a_file_is_to_be_shown_no_more(talk, library, arrivals, listening) -> None:
    ada, _, c = talk
    kept, gone = library.add(ada), library.add(ada)
    await ada.say(c, media_ids=[kept, gone])
    library.remove(gone)
    async with listening(c, conversation_channel(PREFIX, c)) as heard:
        await arrivals.deleted(deleted(gone))
        await arrivals.step()
        [event] = (await heard())[1].events
    told = orjson.loads(event.frame)["d"]["data"]["media"]
    assert [(each["id"], each["status"]) for each in told] == [(kept, "ready"), (gone, "hidden")]


@pytest.mark.parametrize("order", ["drr", "rd", "drd", "rrdd"])
async def test_events_twice_and_in_any_order_end_in_what_is_so(talk, library, arrivals, order) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    await ada.say(c, media_ids=[media_id])
    for each in order:
        await (arrivals.deleted(deleted(media_id)) if each == "d" else arrivals.restored(restored(media_id)))
        await arrivals.step()
    told = await edits(bob, c)
    assert len(told) == (2 if order[0] == "d" else 1)
    assert told[-1]["data"]["media"][0]["status"] == "ready"


async def test_what_comes_before_anybody_was_told_is_told_once(talk, library, arrivals) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    await ada.say(c, media_ids=[media_id])
    await arrivals.deleted(deleted(media_id))
    await arrivals.restored(restored(media_id))
    await arrivals.step()
    assert len(await edits(bob, c)) == 1


async def test_every_message_that_shows_a_file_is_told_of_and_no_other(talk, group_of, library, arrivals) -> None:
    ada, bob, c = talk
    media_id, other = library.add(ada), library.add(ada)
    group = await group_of(ada, bob)
    showing = [await ada.say(place, media_ids=[other, media_id]) for place in (c, c, group)]
    await ada.say(c, media_ids=[other])
    gone = await ada.say(c, media_ids=[media_id])
    await ada.request("DELETE", f"/v1/conversations/{c}/messages/{gone['id']}")

    await arrivals.deleted(deleted(media_id))
    await arrivals.step()

    told = [each["data"]["id"] for place in (c, group) for each in await edits(bob, place)]
    assert told == [each["id"] for each in showing]


async def test_a_conversation_does_not_come_up_because_an_old_picture_goes(talk, group_of, library, arrivals) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    await ada.say(c, media_ids=[media_id])
    group = await group_of(ada, bob)
    await arrivals.deleted(deleted(media_id))
    await arrivals.step()
    listed = (await bob.get("/v1/conversations")).json()["items"]
    assert [each["id"] for each in listed] == [group, c]
    assert len(await edits(bob, c)) == 1


async def test_with_its_owner_a_file_goes_without_a_word(talk, library, arrivals, sql) -> None:
    """Its messages go, which is told anyway."""
    ada, bob, c = talk
    media_id = library.add(ada)
    await ada.say(c, media_ids=[media_id])
    await arrivals.deleted(deleted(media_id, erased=True))
    await arrivals.step()
    assert await edits(bob, c) == []
    assert await sql("SELECT * FROM awaited_files") == []


async def test_the_worker_hears_of_deletion_and_restoring_from_media(talk, library, aws, settings) -> None:
    ada, bob, c = talk
    media_id = library.add(ada)
    await ada.say(c, media_ids=[media_id])
    publisher = Publisher(await aws.client("sns"), settings.topic_arn("events", "media"))
    async with client_of(create(settings)):
        for number, event in enumerate((deleted(media_id), restored(media_id)), 1):
            await publisher.publish([event])

            async def told(number: int = number) -> bool:
                return len(await edits(bob, c)) == number

            await eventually(told)
