"""What is left of a group some time after it ended."""

from datetime import timedelta

import pytest

from chat_service.retention.repository import RetentionRepository
from chat_service.retention.service import Ages, Retention

AGES = Ages(content=timedelta(days=30), reports=timedelta(days=90))


@pytest.fixture
async def ended(people, group_of, sql):
    """Ends a group, some days ago, in which all has happened that leaves words behind; gives its id."""
    ada, bob = await people("ada", "bob")

    async def make(days: int) -> str:
        c = await group_of(ada, bob)
        path = f"/v1/conversations/{c}"
        await ada.request("PATCH", path, json={"title": "Our secrets"})
        messages = [await ada.say(c, f"secret {n}", mentions=[bob.id]) for n in range(5)]
        first = f"{path}/messages/{messages[0]['id']}"
        for who, method, at, body in (
            (ada, "PATCH", first, {"text": "a better secret"}),
            (ada, "PUT", f"{first}/pin", None),
            (bob, "PUT", f"{first}/reactions/👍", None),
            (bob, "DELETE", f"{path}/messages/{messages[1]['id']}?for=me", None),
            (bob, "PUT", f"{path}/draft", {"text": "a draft"}),
            (ada, "POST", f"{path}/invites", {}),
            (ada, "DELETE", path, None),
        ):
            assert (await who.request(method, at, json=body)).is_success, at
        await sql("UPDATE conversations SET deleted_at = now() - make_interval(days => $1) WHERE id = $2", days, c)
        return c

    return make


async def test_nothing_that_was_said_in_a_group_outlives_its_end_for_long(ended, database, sql) -> None:
    c, recent = await ended(31), await ended(29)
    worker = Retention(database, RetentionRepository(), AGES, batch=2)
    while await worker.step():
        pass
    rows = await sql(
        "SELECT text, mentions, purged_at IS NOT NULL AS purged FROM messages WHERE conversation_id = $1", c
    )
    assert [tuple(row) for row in rows] == [(None, None, True)] * 5
    for table in ("edits", "reactions", "pins", "invites", "mentions", "hidden_messages"):
        left = await sql(f"SELECT DISTINCT conversation_id FROM {table}")
        assert [str(row["conversation_id"]) for row in left] == [recent], table
    group, other = [
        (await sql("SELECT title, purged_at IS NOT NULL AS purged FROM conversations WHERE id = $1", each))[0]
        for each in (c, recent)
    ]
    assert (tuple(group), tuple(other)) == ((None, True), ("Our secrets", False))
    assert await sql("SELECT 1 FROM members WHERE draft IS NOT NULL AND conversation_id = $1", c) == []
    told = await sql("SELECT data::text FROM log WHERE conversation_id = $1", c)
    assert not any("secret" in (row["data"] or "") for row in told)
    kept = await sql("SELECT text FROM messages WHERE conversation_id = $1 ORDER BY seq", recent)
    assert [row["text"] for row in kept] == ["a better secret", *(f"secret {n}" for n in range(1, 5))]


async def test_a_client_that_comes_back_after_the_purge_hears_that_the_group_is_left(ended, people, database) -> None:
    [bob] = await people("bob")
    since = (await bob.get("/v1/sync", timeout=0)).json()["next"]
    c = await ended(31)
    worker = Retention(database, RetentionRepository(), AGES)
    while await worker.step():
        pass
    synced = (await bob.get("/v1/sync", since=since, timeout=0)).json()
    assert (synced["left"], synced["conversations"]) == ([c], {})
