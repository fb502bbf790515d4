"""Waiting: many at once, at the price of one, and nobody longer than needed."""

import asyncio
from uuid import uuid4

import httpx

from chat_service.main import create
from chat_service.sync.repository import SyncRepository
from chat_service.sync.watcher import Watcher
from servicekit.postgres import Database, create_engine
from servicekit.testing import client_of, eventually, serving


async def never() -> None:
    await asyncio.Event().wait()


async def snapshot_of(database) -> str:
    async with database.snapshot() as session:
        return (await SyncRepository().now(session)).snapshot


async def waits(watcher, count: int) -> None:
    async def reached() -> bool:
        return watcher.waiting == count

    await eventually(reached)


async def test_news_wake_those_whom_they_concern(people, database) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    c = (await ada.begin(bob)).json()["id"]
    watcher, snapshot = Watcher(database, SyncRepository()), await snapshot_of(database)
    waiting = {who.id: asyncio.create_task(watcher.wait(who.id, snapshot, 30, never)) for who in (ada, bob, cleo)}
    await waits(watcher, 3)
    await ada.send(c, uuid4())
    assert (await waiting[ada.id], await waiting[bob.id]) == (True, True)
    assert watcher.waiting == 1
    await watcher.drain()
    assert await waiting[cleo.id] is False


async def test_what_came_between_the_reading_and_the_waiting_is_not_missed(talk, database) -> None:
    ada, bob, c = talk
    watcher, snapshot = Watcher(database, SyncRepository()), await snapshot_of(database)
    long_waiting = asyncio.create_task(watcher.wait("nobody", snapshot, 30, never))
    await ada.send(c, uuid4())
    assert await watcher.wait(bob.id, await snapshot_of(database), 0.6, never) is False
    assert await watcher.wait(bob.id, snapshot, 30, never) is True
    await watcher.drain()
    assert await long_waiting is False


async def test_marks_and_blocks_of_ones_own_wake_too(talk, database, blocks) -> None:
    ada, bob, c = talk
    watcher = Watcher(database, SyncRepository())
    for change in (
        lambda: ada.request("PUT", f"/v1/conversations/{c}/pin"),
        lambda: blocks.block(ada, bob),
    ):
        snapshot = await snapshot_of(database)
        of_ada = asyncio.create_task(watcher.wait(ada.id, snapshot, 30, never))
        of_bob = asyncio.create_task(watcher.wait(bob.id, snapshot, 30, never))
        await waits(watcher, 2)
        await change()
        assert await of_ada is True
        assert watcher.waiting == 1
        of_bob.cancel()
        await waits(watcher, 0)
    await watcher.drain()


async def test_a_hundred_wait_on_one_connection(settings, callers) -> None:
    alone = settings.model_copy(update={"database_pool": 1})
    app = create(alone)
    async with client_of(app) as client:
        ada, bob = await callers.user("ada"), await callers.user("bob")
        begun = await client.post("/v1/conversations", json={"kind": "direct", "member_ids": ["user-bob"]}, headers=ada)
        since = (await client.get("/v1/sync", headers=bob)).json()["next"]
        query = {"since": since, "timeout": 60}
        waiting = [asyncio.create_task(client.get("/v1/sync", params=query, headers=bob)) for _ in range(100)]
        path = f"/v1/conversations/{begun.json()['id']}/messages/{uuid4()}"
        await client.put(path, json={"text": "hi"}, headers=ada)
        async with asyncio.timeout(30):
            answers = await asyncio.gather(*waiting)
    assert {len(answer.json()["conversations"]) for answer in answers} == {1}


async def test_a_client_that_goes_away_frees_its_place(settings, callers) -> None:
    app, watchers = create(settings), []
    headers = await callers.user("ada")
    lifespan = app.router.lifespan_context

    def observed(app):
        context = lifespan(app)

        class Observed:
            async def __aenter__(self):
                state = await context.__aenter__()
                watchers.append(state["sync"].watcher)
                return state

            async def __aexit__(self, *error):
                return await context.__aexit__(*error)

        return Observed()

    app.router.lifespan_context = observed
    async with serving(app) as address, httpx.AsyncClient(base_url=f"http://{address}", headers=headers) as client:
        since = (await client.get("/v1/sync")).json()["next"]
        [watcher] = watchers
        waiting = asyncio.create_task(client.get("/v1/sync", params={"since": since, "timeout": 60}, timeout=70))
        await waits(watcher, 1)
        waiting.cancel()
        await waits(watcher, 0)


async def test_a_drain_answers_those_who_wait(app, callers) -> None:
    async with client_of(app) as client:
        headers = await callers.user("ada")
        since = (await client.get("/v1/sync", headers=headers)).json()["next"]
        query = {"since": since, "timeout": 60}
        waiting = asyncio.create_task(client.get("/v1/sync", params=query, headers=headers))
        done, _ = await asyncio.wait({waiting}, timeout=1)
        assert not done
        await app.state.drain()
        async with asyncio.timeout(10):
            answer = await waiting
        assert (answer.status_code, answer.json()["conversations"]) == (200, {})
        again = await client.get("/v1/sync", params=query, headers=headers)
        assert again.status_code == 200


async def test_while_the_database_is_away_those_who_wait_are_sent_to_hear_so(database) -> None:
    async with Database(create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none", name="test")) as away:
        watcher = Watcher(away, SyncRepository())
        assert await watcher.wait("ada", await snapshot_of(database), 30, never) is True
        await watcher.drain()
