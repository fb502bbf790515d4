"""Messages whose time has come: each is sent once, whatever happens to who sends it."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest

from chat_service.schedules.repository import ScheduleRepository
from chat_service.schedules.service import DueMessages
from chat_service.sends.repository import SendRepository
from chat_service.sends.service import MessageSender
from messenger_contracts.shapes import format_timestamp
from servicekit.errors import DependencyUnavailable
from servicekit.fanout import FanoutPublisher
from servicekit.postgres import DirectConnection
from servicekit.testing import PREFIX, eventually


def later(seconds: float = 3600) -> str:
    return format_timestamp(datetime.now(UTC) + timedelta(seconds=seconds))


async def scheduled(who, c: str) -> list[dict]:
    return (await who.get(f"/v1/conversations/{c}/scheduled", limit=200)).json()["items"]


async def history(who, c: str) -> list[dict]:
    return (await who.get(f"/v1/conversations/{c}/messages", after_seq=0, limit=200)).json()["items"]


@pytest.fixture
async def sender(settings, valkey, files):
    connect = partial(DirectConnection, settings.database_url.get_secret_value(), name="test")
    sender = MessageSender(connect, SendRepository(), FanoutPublisher(valkey), PREFIX, files)
    yield sender
    await sender.drain()


@pytest.fixture
def its_time_has_come(sql):
    async def make() -> None:
        await sql("UPDATE scheduled_messages SET send_at = now()")

    return make


async def test_it_is_sent_as_any_other_and_waits_no_more(talk, database, sender, its_time_has_come) -> None:
    ada, bob, c = talk
    first, client_id, send_at = (await ada.send(c, uuid4())).json(), uuid4(), later()
    body = {"text": "later", "send_at": send_at, "reply_to": first["id"], "mentions": [bob.id], "expires_in": 60}
    await ada.send(c, client_id, **body)
    due = DueMessages(database, ScheduleRepository(), sender)
    await due.step()
    assert len(await history(bob, c)) == 1
    await its_time_has_come()
    await due.step()
    [_, message] = await history(bob, c)
    assert (message["text"], message["reply_to"], message["mentions"]) == ("later", first["id"], [bob.id])
    assert (message["client_id"], message["by"], message["seq"]) == (str(client_id), ada.id, 4)
    assert message["expires_at"] > message["created_at"]
    assert await scheduled(ada, c) == []
    replay = await ada.send(c, client_id, **body)
    assert (replay.status_code, replay.json()) == (200, message)
    other = await ada.send(c, client_id, **{**body, "text": "other"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_they_are_sent_in_the_order_of_their_times(talk, database, sender, sql) -> None:
    ada, bob, c = talk
    times = [later(3600 + n) for n in range(3)]
    for n in (2, 0, 1):
        await ada.send(c, uuid4(), text=str(n), send_at=times[n])
    await sql("UPDATE scheduled_messages SET send_at = send_at - interval '2 hours'")
    await DueMessages(database, ScheduleRepository(), sender).step()
    assert [message["text"] for message in await history(bob, c)] == ["0", "1", "2"]


async def test_a_crash_between_the_send_and_the_end_of_the_waiting_is_harmless(
    talk, database, sender, its_time_has_come, sql
) -> None:
    ada, bob, c = talk
    await ada.send(c, uuid4(), send_at=later())
    [waiting] = await sql("SELECT * FROM scheduled_messages")
    await its_time_has_come()
    await DueMessages(database, ScheduleRepository(), sender).step()
    columns = ", ".join(f"${n}" for n in range(1, len(waiting) + 1))
    await sql(f"INSERT INTO scheduled_messages VALUES ({columns})", *waiting.values())
    await its_time_has_come()
    await DueMessages(database, ScheduleRepository(), sender).step()
    assert len(await history(bob, c)) == 1
    assert await scheduled(ada, c) == []


async def test_one_that_is_refused_stays_and_says_why_and_holds_nobody_up(
    talk, database, sender, its_time_has_come, sql
) -> None:
    ada, bob, c = talk
    answered = (await bob.send(c, uuid4(), text="question")).json()
    await ada.send(c, uuid4(), text="answer", reply_to=answered["id"], send_at=later())
    await bob.send(c, uuid4(), text="unreadable", send_at=later())
    await ada.send(c, uuid4(), text="plain", send_at=later())
    await bob.request("DELETE", f"/v1/conversations/{c}/messages/{answered['id']}")
    await sql("""UPDATE scheduled_messages SET body = '{"colour": 1}' WHERE by = $1""", bob.id)
    await its_time_has_come()
    assert await DueMessages(database, ScheduleRepository(), sender).step() is False
    assert [message["text"] for message in await history(bob, c)] == [None, "plain"]
    [refused], [unreadable] = await scheduled(ada, c), await scheduled(bob, c)
    assert (refused["text"], "/reply_to is no message" in refused["failed"]) == ("answer", True)
    assert "rules" in unreadable["failed"]


async def test_when_the_database_is_away_it_waits_on(talk, database, absent_valkey, files, its_time_has_come) -> None:
    ada, _, c = talk
    await ada.send(c, uuid4(), send_at=later())
    await its_time_has_come()
    away = partial(DirectConnection, "postgresql+asyncpg://nobody@127.0.0.1:1/none", name="test")
    sender = MessageSender(away, SendRepository(), FanoutPublisher(absent_valkey), PREFIX, files)
    with pytest.raises(DependencyUnavailable):
        await DueMessages(database, ScheduleRepository(), sender).step()
    assert [each["failed"] for each in await scheduled(ada, c)] == [None]
    await sender.drain()


async def test_who_cancels_one_that_is_being_sent_waits_and_comes_too_late(
    talk, database, sender, its_time_has_come, database_url
) -> None:
    ada, bob, c = talk
    client_id = uuid4()
    await ada.send(c, client_id, send_at=later())
    await its_time_has_come()
    other = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    async with other.transaction():
        await other.execute("SELECT FROM scheduled_messages FOR UPDATE")
        cancel = asyncio.create_task(ada.request("DELETE", f"/v1/conversations/{c}/scheduled/{client_id}"))
        await DueMessages(database, ScheduleRepository(), sender).step()
        assert (await history(bob, c), cancel.done()) == ([], False)
        await other.execute("DELETE FROM scheduled_messages")
    assert (await cancel).status_code == 404
    await other.close()


@asynccontextmanager
async def worker(settings):
    """A worker in a process of its own, killed at the end if it still runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {
        **os.environ,
        "CHAT_ENVIRONMENT": "test",
        "CHAT_RESOURCE_PREFIX": settings.resource_prefix,
        "CHAT_ACCOUNT_ID": settings.account_id,
        "CHAT_DATABASE_URL": settings.database_url.get_secret_value(),
        "CHAT_VALKEY_URL": settings.valkey_url,
        "CHAT_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chat_service.worker", env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=None
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_each_is_sent_once_by_workers_of_which_one_is_killed(talk, settings, sql) -> None:
    ada, bob, c = talk
    ids = [str(uuid4()) for _ in range(90)]
    answers = await asyncio.gather(*(ada.send(c, each, send_at=later(3600 + n)) for n, each in enumerate(ids)))
    assert {answer.status_code for answer in answers} == {202}

    async def sent(at_least: int) -> bool:
        [row] = await sql("SELECT count(*) FROM messages")
        return row["count"] >= at_least

    async with worker(settings) as doomed, worker(settings):
        for n in range(0, 90, 5):
            await sql("UPDATE scheduled_messages SET send_at = now() WHERE client_id = ANY($1)", ids[n : n + 5])
            if n == 45:
                await eventually(partial(sent, 1), 60)
                doomed.send_signal(signal.SIGKILL)
        await eventually(partial(sent, 90), 60)

        async def none_waits() -> bool:
            return await scheduled(ada, c) == []

        await eventually(none_waits)
    messages = await history(bob, c)
    assert sorted(message["client_id"] for message in messages) == sorted(ids)
    assert [message["seq"] for message in messages] == list(range(3, 93))


async def test_its_files_are_asked_about_again_when_its_time_has_come(
    talk, database, sender, library, its_time_has_come
) -> None:
    ada, _, c = talk
    mine, gone = library.add(ada), library.add(ada)
    for media_id in (mine, gone):
        await ada.send(c, uuid4(), media_ids=[media_id], send_at=later())
    library.remove(gone)
    await its_time_has_come()

    await DueMessages(database, ScheduleRepository(), sender).step()

    assert [each["media"] for each in await history(ada, c)] == [[library.described(mine)]]
    assert [each["failed"] for each in await scheduled(ada, c)] == ["/media_ids/0 is no file that you may send"]


async def test_while_media_is_away_others_whose_time_has_come_are_sent(
    talk, database, sender, library, sql, its_time_has_come
) -> None:
    ada, _, c = talk
    mine = library.add(ada)
    library.away = True
    for media_ids in ([mine], [mine], []):
        await ada.send(c, uuid4(), media_ids=media_ids, send_at=later())
    await its_time_has_come()
    due = DueMessages(database, ScheduleRepository(), sender, batch=2)
    while await due.step():
        pass
    assert [each["media"] for each in await history(ada, c)] == [[]]

    library.away = False
    await due.step()
    assert len(await scheduled(ada, c)) == 2
    await sql("UPDATE scheduled_messages SET retry_at = now()")
    while await due.step():
        pass
    assert await scheduled(ada, c) == []

    async def described() -> bool:
        """The API asks media again a moment after it failed."""
        return [each["media"] for each in await history(ada, c)][1:] == [[library.described(mine)]] * 2

    await eventually(described)
