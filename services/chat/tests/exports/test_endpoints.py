"""The copy of a person's data has all that is theirs, once, and nothing of anybody else."""

from collections import Counter
from uuid import uuid4

import pytest

from messenger_contracts.identity import service


@pytest.fixture
async def copy_of(client, callers):
    """Reads a person's copy as auth does, in pages of a size."""
    headers = await callers.headers(service("auth"))

    async def read(person, limit=500):
        records, cursor = [], None
        while True:
            params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            answer = await client.get(f"/internal/exports/{person.id}", params=params, headers=headers)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            records += page["items"]
            cursor = page["next"]
            if cursor is None:
                return records

    return read


async def fill(alice, bob, group_of):
    conversations = [await group_of(alice, bob), (await alice.begin(bob)).json()["id"]]
    for conversation in conversations:
        for number in range(5):
            await alice.send(conversation, uuid4(), f"hers {number}")
        his = (await bob.send(conversation, uuid4(), "only his")).json()
        await alice.request("PUT", f"/v1/conversations/{conversation}/messages/{his['id']}/reactions/%F0%9F%91%8D")
    return conversations


async def test_the_copy_has_everything_of_hers_and_nothing_of_his(people, group_of, copy_of):
    alice, bob = await people("alice", "bob")
    conversations = await fill(alice, bob, group_of)
    records = await copy_of(alice)
    assert Counter(record["kind"] for record in records) == {"conversations": 2, "messages": 10, "reactions": 2}
    texts = [record["data"]["text"] for record in records if record["kind"] == "messages"]
    assert Counter(texts) == {f"hers {number}": 2 for number in range(5)}
    assert {record["data"]["id"] for record in records if record["kind"] == "conversations"} == set(conversations)
    assert "only his" not in str(records)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_the_copy_is_the_same_in_pages_of_any_size(people, group_of, copy_of, limit):
    alice, bob = await people("alice", "bob")
    await fill(alice, bob, group_of)
    assert await copy_of(alice, limit) == await copy_of(alice)


async def test_of_somebody_unknown_the_copy_is_empty(people, copy_of):
    (nobody,) = await people("nobody")
    assert await copy_of(nobody) == []


@pytest.mark.parametrize(
    "cursor", ["x", "99:00000000-0000-0000-0000-000000000000:1", "0:------------------------------------:1"]
)
async def test_a_cursor_that_is_none_is_refused(client, callers, cursor):
    headers = await callers.headers(service("auth"))
    answer = await client.get("/internal/exports/user-alice", params={"cursor": cursor}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
