"""Whatever process ends or hangs: what was acknowledged is kept, arrives once, and the suite heals by itself."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from messengerctl.audit import audit
from messengerctl.client import Listener, Session
from messengerctl.suite import Suite
from messengerctl.traffic import meet
from servicekit.testing import eventually

VICTIMS = ("gateway", "chat", "chat worker", "notification", "notification worker", "auth", "valkey", "postgres")


@pytest.fixture
async def meeting(ada, bob, clients):
    """Two people, live."""
    async with meet((await clients.of(ada), ada), (await clients.of(bob), bob)) as met:
        yield met


@contextmanager
def hanging(suite: Suite, process: str) -> Iterator[None]:
    """Let a process hang for a while."""
    suite.signal(process, signal.SIGSTOP)
    try:
        yield
    finally:
        suite.signal(process, signal.SIGCONT)


async def test_any_process_may_be_killed_under_load(suite, meeting):
    talking = asyncio.create_task(_talk_until_cancelled(meeting))
    try:
        for victim in VICTIMS:
            spoken = meeting.acknowledged
            await suite.healed(victim, suite.signal(victim))
            await eventually(lambda spoken=spoken: _true(meeting.acknowledged > spoken), 60)
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    await meeting.talk(2, 0)
    await meeting.caught_up()
    assert (meeting.lost, meeting.doubled) == ([], [])
    assert meeting.same_and_dense
    report = await audit(suite)
    assert report.findings == []
    assert report.dead_letters == {}


async def _talk_until_cancelled(meeting) -> None:
    while True:
        await meeting.talk(10, 0.05)


async def _true(value: bool) -> bool:
    return value


async def test_without_valkey_messages_are_kept_and_live_delivery_returns(suite, meeting, ada, bob, clients):
    client = await clients.of(ada)
    with hanging(suite, "valkey"):
        one = await asyncio.wait_for(meeting.speakers[0].say("without Valkey"), 20)
        page = await client.events(meeting.conversation_id, one.sent.seq - 1)
        assert [event.data["id"] for event in page.items] == [one.sent.id]
        history = await client.messages(meeting.conversation_id, limit=1)
        assert history.items[0].id == one.sent.id
    await meeting.caught_up()
    killed = suite.signal("valkey")
    await suite.healed("valkey", killed)
    await eventually(lambda: _delivered_live(meeting), 30)
    assert meeting.same_and_dense


async def _delivered_live(meeting) -> bool:
    """Whether a message that is sent now arrives at once."""
    sending = await meeting.speakers[0].say("are you there?")
    await meeting.caught_up()
    return sending.delay < 1.0


@pytest.mark.parametrize(
    "process", ["emulator", "notification worker", "notification", "media worker", "media", "chat worker", "auth"]
)
async def test_chat_does_not_notice_what_it_does_not_need(suite, meeting, process):
    with hanging(suite, process):
        await asyncio.wait_for(meeting.talk(10, 0.01), 10)
        await meeting.caught_up(10)
    report = await audit(suite)
    assert report.findings == []


async def test_a_client_may_connect_while_aws_is_away(suite, carol, clients):
    client = await clients.of(carol)
    await client.request("GET", "/v1/conversations")
    with hanging(suite, "emulator"):
        async with Session(client, Listener()) as session:
            await session.live(10)
