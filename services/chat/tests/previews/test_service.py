"""From a link in a message to what its page says under it, whatever happens meanwhile to either."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from chat_service.log.repository import LogRepository
from chat_service.log.service import ChangeService, LiveService
from chat_service.previews.fetcher import PageFetcher
from chat_service.previews.repository import LinkRepository, PreviewRepository
from chat_service.previews.service import LEASE_SECONDS, LinkSource, PreviewService
from chat_service.worker import create
from servicekit.fanout import FanoutPublisher
from servicekit.follower import Follower
from servicekit.testing import PREFIX, client_of, eventually


def titled(wire, title: str) -> bytes:
    return wire.answer(f"<head><title>{title}</title></head>".encode())


class Gate:
    """A page that is begun, and answers when it is let."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.begun, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, writer) -> None:
        self.begun.set()
        await self.open.wait()
        writer.write(self._answer)
        await writer.drain()


class Ported:
    """A fetcher for the ports of test sites: messages link to a port of the web alone."""

    def __init__(self, fetcher: PageFetcher, port: int) -> None:
        self._fetcher = fetcher
        self._port = port
        self.may_come_back = fetcher.may_come_back

    async def fetch(self, url: str):
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        return await self._fetcher.fetch(f"{scheme}://{host}:{self._port}/{path}")


@pytest.fixture
def work(database, valkey, site, make_fetcher, files):
    """Runs a worker's part in previews for a block."""
    changes = ChangeService(database, LogRepository(), LiveService(FanoutPublisher(valkey), PREFIX, files))
    links = Follower(name="previews", database=database, source=LinkSource(LinkRepository()))

    @asynccontextmanager
    async def running(**limits):
        fetcher = Ported(make_fetcher(site, **{"seconds": 30, **limits}), site.port)
        stopping = asyncio.Event()

        async def follow():
            while not stopping.is_set():
                await links.step()
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            group.create_task(follow())
            group.create_task(PreviewService(database, PreviewRepository(), changes, fetcher).run(stopping))
            try:
                yield
            finally:
                stopping.set()

    return running


@pytest.fixture
async def talk(people):
    """A conversation of ada and bob."""
    ada, bob = await people("ada", "bob")
    return Talk(ada, bob, (await ada.begin(bob)).json()["id"])


class Talk:
    """What ada says, and what bob sees of it."""

    def __init__(self, ada, bob, conversation):
        self.ada, self.bob = ada, bob
        self.id = conversation
        self.path = f"/v1/conversations/{conversation}"

    async def say(self, text):
        return (await self.ada.send(self.id, uuid4(), text)).json()["id"]

    async def edit(self, message, text):
        answer = await self.ada.request("PATCH", f"{self.path}/messages/{message}", json={"text": text})
        assert answer.status_code == 200

    async def delete(self, message):
        assert (await self.ada.request("DELETE", f"{self.path}/messages/{message}")).status_code == 204

    async def seen(self, message):
        return (await self.bob.get(f"{self.path}/messages/{message}")).json()

    async def titles(self, message):
        return [preview["title"] for preview in (await self.seen(message))["previews"]]

    async def until_titles(self, message, *titles):
        async def shown():
            return await self.titles(message) == list(titles)

        await eventually(shown)

    async def events(self):
        return (await self.bob.get(f"{self.path}/events", limit=200)).json()["items"]


@pytest.fixture
def jobs(sql):
    """What is left to do: how often each was tried."""

    async def read():
        return [row["attempts"] for row in await sql("SELECT attempts FROM preview_jobs ORDER BY seq")]

    return read


@pytest.fixture
def all_done(sql, jobs):
    """Wait until the whole log was followed and no job is left."""

    async def done():
        behind = await sql(
            "SELECT 1 FROM log WHERE position > coalesce("
            "(SELECT position FROM relay_positions WHERE name = 'previews'), 0)"
        )
        return not behind and not await jobs()

    async def wait():
        await eventually(done)

    return wait


async def test_what_a_page_says_is_shown_under_the_message(talk, work, site, wire) -> None:
    site.pages["/p"] = titled(wire, "Hello")
    message = await talk.say("look: http://page.example/p!")
    async with work():
        await talk.until_titles(message, "Hello")
    seen = await talk.seen(message)
    assert seen["previews"][0]["url"] == "http://page.example/p"
    assert (seen["edited_at"], seen["text"]) == (None, "look: http://page.example/p!")


async def test_the_log_tells_of_it_in_the_name_of_the_system(talk, work, site, wire) -> None:
    site.pages["/"] = titled(wire, "Hello")
    message = await talk.say("http://page.example")
    async with work():
        await talk.until_titles(message, "Hello")
    event = (await talk.events())[-1]
    assert (event["type"], event["by"], event["data"]["id"]) == ("message.edited", "system", message)
    assert [preview["title"] for preview in event["data"]["previews"]] == ["Hello"]


async def test_it_is_told_and_fetched_once(talk, work, site, wire, all_done) -> None:
    site.pages["/"] = titled(wire, "Hello")
    await talk.say("http://page.example")
    async with work(), work():
        await all_done()
    assert site.requests == ["/"]
    assert [event["type"] for event in (await talk.events())[2:]] == ["message.created", "message.edited"]


async def test_previews_stand_in_the_order_of_the_links(talk, work, site, wire) -> None:
    slow = Gate(titled(wire, "First"))
    site.pages |= {"/1": slow, "/2": titled(wire, "Second")}
    message = await talk.say("http://page.example/1 http://other.example/2")
    async with work():
        await slow.begun.wait()
        slow.open.set()
        await talk.until_titles(message, "First", "Second")


async def test_a_message_without_links_makes_no_work(talk, work, site, sql, all_done) -> None:
    await talk.say("no link, ftp://page.example neither, and http:// alone")
    async with work():
        await all_done()
    assert site.requests == []
    assert len(await talk.events()) == 3


async def test_an_edit_that_adds_a_link_gives_a_preview(talk, work, site, wire) -> None:
    site.pages["/"] = titled(wire, "Hello")
    message = await talk.say("wait")
    async with work():
        await talk.edit(message, "here: http://page.example")
        await talk.until_titles(message, "Hello")


async def test_an_edit_that_removes_the_link_takes_the_preview_away(talk, work, site, wire) -> None:
    site.pages["/"] = titled(wire, "Hello")
    message = await talk.say("http://page.example")
    async with work():
        await talk.until_titles(message, "Hello")
        await talk.edit(message, "never mind")
        await talk.until_titles(message)
    assert (await talk.events())[-1]["by"] == "system"


async def test_an_edit_that_keeps_the_link_asks_nobody_again(talk, work, site, wire, all_done) -> None:
    site.pages["/"] = titled(wire, "Hello")
    message = await talk.say("http://page.example")
    async with work():
        await talk.until_titles(message, "Hello")
        await talk.edit(message, "http://page.example is nice")
        await all_done()
    assert await talk.titles(message) == ["Hello"]
    assert site.requests == ["/"]


async def test_a_message_that_is_edited_while_its_page_is_fetched_shows_the_new_one(
    talk, work, site, wire, all_done
) -> None:
    slow = Gate(titled(wire, "Old"))
    site.pages |= {"/old": slow, "/new": titled(wire, "New")}
    message = await talk.say("http://page.example/old")
    async with work():
        await slow.begun.wait()
        await talk.edit(message, "http://page.example/new")
        await talk.until_titles(message, "New")
        slow.open.set()
        await all_done()
    assert await talk.titles(message) == ["New"]
    shown = [event["data"]["previews"] for event in await talk.events() if event["by"] == "system"]
    assert len(shown) == 1


async def test_a_message_that_is_deleted_while_its_page_is_fetched_shows_nothing(
    talk, work, site, wire, all_done
) -> None:
    slow = Gate(titled(wire, "Hello"))
    site.pages["/"] = slow
    message = await talk.say("http://page.example")
    async with work():
        await slow.begun.wait()
        await talk.delete(message)
        slow.open.set()
        await all_done()
    assert await talk.titles(message) == []
    assert (await talk.events())[-1]["type"] == "message.deleted"


async def test_a_page_that_says_nothing_changes_nothing(talk, work, site, wire, all_done) -> None:
    site.pages["/"] = wire.answer(b"<head></head>")
    await talk.say("http://page.example http://page.example/missing")
    async with work():
        await all_done()
    assert sorted(site.requests) == ["/", "/missing"]
    assert len(await talk.events()) == 3


async def test_a_host_that_fails_is_asked_three_times_with_pauses(talk, work, site, wire, clock, sql) -> None:
    site.pages["/"] = wire.answer(status="500 No")
    await talk.say("http://page.example")
    pauses = []

    async def put_back_or_gone():
        rows = await sql("SELECT extract(epoch FROM due_at - now()) AS seconds FROM preview_jobs")
        left = [round(float(row["seconds"]), -1) for row in rows]
        return len(site.requests) > len(pauses) and left != [LEASE_SECONDS] and [left]

    async with work():
        for _ in range(3):
            pauses += await eventually(put_back_or_gone)
            clock[0] += 61
            await sql("UPDATE preview_jobs SET due_at = now()")
    assert pauses == [[90], [600], []]
    assert site.requests == ["/"] * 3


async def test_what_was_found_is_shown_while_the_rest_is_tried_again(talk, work, site, wire, clock, sql) -> None:
    site.pages |= {"/1": titled(wire, "One"), "/2": wire.answer(status="503 Later")}
    message = await talk.say("http://page.example/1 http://other.example/2")
    async with work():
        await talk.until_titles(message, "One")
        site.pages["/2"] = titled(wire, "Two")
        clock[0] += 61
        await sql("UPDATE preview_jobs SET due_at = now()")
        await talk.until_titles(message, "One", "Two")
    assert sorted(site.requests) == ["/1", "/2", "/2"]


async def test_what_a_worker_had_begun_when_it_was_killed_is_done_by_another(talk, work, site, wire, sql, jobs) -> None:
    site.pages["/"] = Gate(b"")
    message = await talk.say("http://page.example")
    async with work():
        await site.pages["/"].begun.wait()
    site.pages["/"] = titled(wire, "Hello")
    assert await jobs() == [1]
    await sql("UPDATE preview_jobs SET due_at = now()")
    async with work():
        await talk.until_titles(message, "Hello")


async def test_a_slow_host_delays_nobody_else(talk, work, site, wire) -> None:
    slow = Gate(b"")
    site.pages |= {"/slow": slow, "/quick": titled(wire, "Quick")}
    for number in range(40):
        await talk.say(f"http://slow.example/slow?{number}")
        site.pages[f"/slow?{number}"] = slow
    async with work():
        await slow.begun.wait()
        message = await talk.say("http://page.example/quick")
        await talk.until_titles(message, "Quick")
        assert site.at_once <= 3
        assert {path for path in site.requests if "slow" in path} < set(site.pages)


async def test_messages_of_long_ago_are_left_alone(talk, work, site, wire, sql, all_done) -> None:
    site.pages["/"] = titled(wire, "Hello")
    await talk.say("http://page.example")
    await sql("UPDATE messages SET created_at = now() - interval '2 days'")
    async with work():
        await all_done()
    assert site.requests == []


async def test_the_worker_looks_at_links(talk, settings, jobs) -> None:
    await talk.say("http://no-such-name.invalid")

    async def tried():
        return await jobs() == [1]

    async with client_of(create(settings.model_copy(update={"previews": True}))):
        await eventually(tried)


async def test_a_worker_that_shall_not_look_notes_nothing(talk, settings, sql, jobs) -> None:
    await talk.say("http://no-such-name.invalid")

    async def searched():
        return await sql("SELECT 1 FROM relay_positions WHERE name = 'search'")

    async with client_of(create(settings)):
        await eventually(searched)
    assert await jobs() == []
