"""Sync: everything missed, once, and never a part that looks whole."""

import asyncio
from uuid import uuid4

from sqlalchemy import text


async def sync(who, since: str | None = None, **params) -> dict:
    answer = await who.get("/v1/sync", **({"since": since} if since else {}), **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def seqs(synced: dict, conversation: str) -> list[int]:
    return [event["seq"] for event in synced["conversations"][conversation]["events"]]


async def test_the_first_sync_shows_how_everything_stands(people) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    with_bob, with_cleo = (await ada.begin(bob)).json()["id"], (await ada.begin(cleo)).json()["id"]
    await bob.send(with_bob, uuid4(), "hello")
    synced = await sync(ada)
    assert list(synced["conversations"]) == [with_bob, with_cleo]
    assert seqs(synced, with_bob) == [1, 2, 3]
    standing = synced["conversations"][with_bob]
    assert (standing["prev_seq"], standing["limited"], standing["last_seq"], standing["unread"]) == (0, False, 3, 1)
    assert (synced["left"], synced["more"]) == ([], False)


async def test_a_later_sync_shows_only_what_happened_since(people) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    with_bob = (await ada.begin(bob)).json()["id"]
    await ada.begin(cleo)
    since = (await sync(ada))["next"]
    await bob.send(with_bob, uuid4(), "one")
    await bob.send(with_bob, uuid4(), "two")
    synced = await sync(ada, since)
    assert list(synced["conversations"]) == [with_bob]
    assert seqs(synced, with_bob) == [3, 4]
    assert synced["conversations"][with_bob]["prev_seq"] == 2
    assert (await sync(ada, synced["next"]))["conversations"] == {}
    assert seqs(await sync(ada, since), with_bob) == [3, 4]


async def test_what_is_more_than_the_limit_is_named_as_a_gap(talk) -> None:
    ada, bob, c = talk
    since = (await sync(ada))["next"]
    for n in range(5):
        await bob.send(c, uuid4(), str(n))
    exactly = (await sync(ada, since, limit=5))["conversations"][c]
    assert (exactly["limited"], exactly["prev_seq"]) == (False, 2)
    cut = (await sync(ada, since, limit=3))["conversations"][c]
    assert (cut["limited"], cut["prev_seq"], [event["seq"] for event in cut["events"]]) == (True, 4, [5, 6, 7])


async def test_answers_in_parts_tell_every_conversation(people) -> None:
    ada, *others = await people("ada", *(f"peer{n}" for n in range(12)))
    begun = [(await ada.begin(other)).json()["id"] for other in others]
    told: list[str] = []
    answer = await sync(ada, limit=200)
    assert answer["more"] is True
    told += answer["conversations"]
    for other, conversation in zip(others, begun, strict=True):
        await other.send(conversation, uuid4(), "meanwhile")
    while answer["more"]:
        answer = await sync(ada, answer["next"], limit=200, timeout=30)
        told += answer["conversations"]
    assert told == begun[::-1]
    rest = await sync(ada, answer["next"])
    assert set(told[:10]) <= set(rest["conversations"])
    assert all(seqs(rest, each) == [3] for each in rest["conversations"])


async def test_a_transaction_that_commits_late_is_told_once_it_has(people, database) -> None:
    ada, bob = await people("ada", "bob")
    c = (await ada.begin(bob)).json()["id"]
    async with database.write() as late:
        await late.execute(
            text("UPDATE conversations SET last_seq = 3, last_xid = pg_current_xact_id()::text::bigint WHERE id = :id"),
            {"id": c},
        )
        await late.execute(
            text(
                "INSERT INTO log (conversation_id, seq, type, at, by, by_name, data) "
                "VALUES (:id, 3, 'member.role', now(), 'user-bob', 'bob', '{}')"
            ),
            {"id": c},
        )
        since = (await sync(ada))["next"]
        await ada.begin((await people("cleo"))[0])
        since = (await sync(ada, since))["next"]
    assert seqs(await sync(ada, since), c) == [3]


async def test_a_read_mark_on_one_device_reaches_the_other(talk) -> None:
    ada, bob, c = talk
    await bob.send(c, uuid4())
    since = (await sync(ada))["next"]
    await ada.request("PUT", f"/v1/conversations/{c}/read", json={"seq": 3})
    synced = (await sync(ada, since))["conversations"][c]
    assert (synced["events"], synced["prev_seq"], synced["read_seq"], synced["unread"]) == ([], 3, 3, 0)
    assert (await sync(bob, (await sync(bob))["next"]))["conversations"] == {}


async def test_a_token_that_is_not_the_readers_is_refused(people) -> None:
    ada, bob = await people("ada", "bob")
    token = (await sync(ada))["next"]
    middle = len(token) // 2
    broken = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for who, since in ((bob, token), (ada, "v4.local.x"), (ada, broken), (ada, token[:-2]), (ada, "é\x00")):
        answer = await who.get("/v1/sync", since=since)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == "query/since"


async def test_after_a_restore_tokens_and_epochs_are_void(talk, database) -> None:
    ada, _, c = talk
    first = await sync(ada)
    async with database.write() as session:
        await session.execute(text("SELECT log_was_restored()"))
    answer = await ada.get("/v1/sync", since=first["next"])
    assert (answer.status_code, answer.json()["code"]) == (410, "epoch_changed")
    epoch = first["conversations"][c]["epoch"]
    events = await ada.get(f"/v1/conversations/{c}/events", epoch=epoch)
    assert (events.status_code, events.json()["code"]) == (410, "epoch_changed")
    anew = await sync(ada)
    assert anew["conversations"][c]["epoch"] != epoch
    fresh = await ada.get(f"/v1/conversations/{c}/events", epoch=anew["conversations"][c]["epoch"])
    assert [event["seq"] for event in fresh.json()["items"]] == [1, 2]
    assert (await sync(ada, anew["next"]))["conversations"] == {}


async def test_a_wait_ends_as_soon_as_something_comes(talk) -> None:
    ada, bob, c = talk
    since = (await sync(ada))["next"]
    waiting = asyncio.create_task(sync(ada, since, timeout=60))
    await bob.send(c, uuid4())
    async with asyncio.timeout(20):
        assert seqs(await waiting, c) == [3]


async def test_a_wait_without_news_ends_in_time_and_its_token_goes_on(talk) -> None:
    ada, bob, c = talk
    empty = await sync(ada, (await sync(ada))["next"], timeout=1)
    assert (empty["conversations"], empty["left"], empty["more"]) == ({}, [], False)
    await bob.send(c, uuid4())
    assert seqs(await sync(ada, empty["next"]), c) == [3]
