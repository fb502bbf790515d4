"""What a page of history costs does not depend on how much was said before or after it."""

import json
from itertools import product
from uuid import UUID, uuid4

import asyncpg
import pytest

from chat_service.messages import repository

PAGE = 51
SMALL, LARGE = 2_000, 60_000
STATEMENTS = {"before": repository._BEFORE, "after": repository._AFTER, "thread": repository._THREAD}


@pytest.fixture
async def database(database_url: str):
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


async def conversation_of(database: asyncpg.Connection, size: int, visible_from: int = 1) -> UUID:
    """A conversation of so many messages, of which a third belongs to one thread."""
    c, root = uuid4(), uuid4()
    await database.execute(
        "INSERT INTO conversations (id, kind, epoch, created_at, active_at, last_seq, member_count) "
        "VALUES ($1, 'group', 'e', now(), now(), $2, 1)",
        c,
        size,
    )
    await database.execute(
        "INSERT INTO members (conversation_id, user_id, username, role, joined_at, visible_from) "
        "VALUES ($1, 'ada', 'ada', 'owner', now(), $2)",
        c,
        visible_from,
    )
    await database.execute(
        "INSERT INTO messages (conversation_id, seq, msg_no, id, by, client_id, digest, text, created_at, thread_root) "
        "SELECT $1, n, n, gen_random_uuid(), 'ada', gen_random_uuid(), '', 'hi', now(), "
        "CASE WHEN n % 3 = 0 THEN $3::uuid END FROM generate_series(1, $2::int) n",
        c,
        size,
        root,
    )
    await database.execute("ANALYZE messages, conversations, members")
    return c


def steps(plan: dict):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from steps(inner)


async def explain(database: asyncpg.Connection, name: str, c: UUID, seq: int) -> dict:
    """The plan of a page, with what it did."""
    [root] = await database.fetch("SELECT thread_root FROM messages WHERE conversation_id = $1 AND seq = 3", c)
    values = {"reader": "'ada'", "conversation_id": f"'{c}'", "seq": str(seq), "limit": str(PAGE)}
    statement = str(STATEMENTS[name])
    for parameter, value in {**values, "root": f"'{root['thread_root']}'"}.items():
        statement = statement.replace(f":{parameter}", value)
    [row] = await database.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
    return json.loads(row["QUERY PLAN"])[0]["Plan"]


def messages_read(plan: dict) -> list[dict]:
    """The steps that read the page's messages; those that count their threads are others."""
    return [step for step in steps(plan) if step.get("Relation Name") == "messages" and step["Alias"] == "x"]


async def test_a_page_reads_its_own_messages_and_no_others(database) -> None:
    sizes = {size: await conversation_of(database, size) for size in (SMALL, LARGE)}
    for name, place in product(STATEMENTS, (0.0, 0.5, 1.0)):
        costs = {}
        for size, c in sizes.items():
            plan = await explain(database, name, c, int(place * size))
            [scan] = messages_read(plan)
            assert (scan["Node Type"], scan.get("Rows Removed by Filter", 0)) == ("Index Scan", 0), name
            assert scan["Actual Rows"] <= PAGE, name
            costs[size] = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        assert costs[LARGE] <= costs[SMALL] + 20, (name, place)


async def test_who_came_late_reads_no_further_back_than_one_may(database) -> None:
    c = await conversation_of(database, LARGE, visible_from=LARGE - 9)
    plan = await explain(database, "before", c, LARGE + 1)
    [scan] = messages_read(plan)
    assert (scan["Actual Rows"], scan.get("Rows Removed by Filter", 0)) == (10, 0)
