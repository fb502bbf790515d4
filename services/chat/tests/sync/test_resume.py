"""Returning to a socket with a sync token in place of positions."""

import orjson
import pytest
from sqlalchemy import text

from messenger_contracts.identity import service


@pytest.fixture
def resume(client, callers):
    """Asks as a gateway does; gives the answer to each client, and the places of its events."""

    async def ask(*clients: tuple) -> list[tuple[dict, list[int]]]:
        resumes = [
            {"user_id": who.id, "resume": {"positions": positions, "since": since, "limit": limit}}
            for who, positions, since, limit in clients
        ]
        headers = await callers.headers(service("gateway"))
        answer = await client.post("/internal/resumes", json={"resumes": resumes}, headers=headers)
        head, *frames = answer.content.split(b"\n")
        lines = iter(frames)
        return [
            (told, [orjson.loads(next(lines))["d"]["seq"] for _ in range(told["frames"])])
            for told in orjson.loads(head)
        ]

    return ask


async def token(who) -> str:
    return (await who.get("/v1/sync")).json()["next"]


async def test_a_token_stands_for_the_positions_that_are_not_named(people, resume) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    with_bob, with_cleo = (await ada.begin(bob)).json()["id"], (await ada.begin(cleo)).json()["id"]
    since = await token(ada)
    for n in range(3):
        await bob.send(with_bob, n_id(n), str(n))
    await cleo.send(with_cleo, n_id(9))
    [(told, seqs)] = await resume((ada, {with_bob: 4}, since, 50))
    assert (told["complete"], sorted(seqs)) == (True, [3, 5])
    assert told["conversations"][with_bob]["last_seq"] == 5


async def test_each_of_many_clients_goes_on_from_its_own_token(talk, resume) -> None:
    ada, bob, c = talk
    early, of_bob = await token(ada), await token(bob)
    await bob.send(c, n_id(1))
    late = await token(ada)
    await bob.send(c, n_id(2))
    answers = await resume((ada, {}, early, 50), (bob, {}, of_bob, 50), (ada, {}, late, 50), (ada, {}, None, 50))
    assert [seqs for _, seqs in answers] == [[3, 4], [3, 4], [4], [1, 2, 3, 4]]


async def test_who_missed_more_than_the_limit_is_told_to_sync(talk, resume) -> None:
    ada, bob, c = talk
    since = await token(ada)
    for n in range(3):
        await bob.send(c, n_id(n))
    exactly, over = await resume((ada, {}, since, 3), (ada, {}, since, 2))
    assert (exactly[0]["complete"], exactly[1]) == (True, [3, 4, 5])
    assert (over[0]["complete"], over[1]) == (False, [])


async def test_a_void_token_is_told_to_sync(people, resume, database) -> None:
    ada, bob = await people("ada", "bob")
    await ada.begin(bob)
    mine, foreign = await token(ada), await token(bob)
    [(told, _)] = await resume((ada, {}, foreign, 50))
    assert told["complete"] is False
    async with database.write() as session:
        await session.execute(text("SELECT log_was_restored()"))
    [(told, _)] = await resume((ada, {}, mine, 50))
    assert told["complete"] is False


async def test_a_conversation_left_since_is_named(people, resume, group_of, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    since = await token(bob)
    await sql(
        "UPDATE members SET left_at = now(), changed_xid = pg_current_xact_id()::text::bigint WHERE user_id = $1",
        bob.id,
    )
    [(told, _)] = await resume((bob, {}, since, 50))
    assert (told["left"], told["conversations"]) == ([c], {})


def n_id(n: int) -> str:
    return f"00000000-0000-4000-8000-{n:012}"
