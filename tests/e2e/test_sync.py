"""Catching up over HTTP alone: waiting through the gateway, and finding what was said."""

import asyncio
from uuid import uuid4

from servicekit.testing import eventually

LONGER_THAN_OTHER_ROUTES_TAKE = 12


async def get(client, path: str, **params) -> dict:
    headers = {"authorization": f"Bearer {client.tokens.access_token}"}
    answer = await client.http.get(path, params=params, headers=headers, timeout=70)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def everything(client) -> str:
    """A token of now."""
    synced = await get(client, "/v1/sync")
    while synced["more"]:
        synced = await get(client, "/v1/sync", since=synced["next"])
    return synced["next"]


async def test_a_wait_ends_with_the_message_that_it_waited_for(ada, bob, clients) -> None:
    mine, theirs = await clients.of(ada), await clients.of(bob)
    conversation = await mine.converse(bob.user_id)
    since = await everything(mine)
    waiting = asyncio.create_task(get(mine, "/v1/sync", since=since, timeout=60))
    await theirs.put_message(conversation.id, str(uuid4()), "are you there?")
    synced = await waiting
    assert [event["data"]["text"] for event in synced["conversations"][conversation.id]["events"]] == ["are you there?"]


async def test_a_wait_may_be_longer_than_a_request_takes(stranger, clients) -> None:
    client = await clients.of(stranger)
    since = await everything(client)
    synced = await get(client, "/v1/sync", since=since, timeout=LONGER_THAN_OTHER_ROUTES_TAKE)
    assert (synced["conversations"], synced["left"]) == ({}, [])


async def test_what_was_said_is_found(ada, bob, clients) -> None:
    mine, theirs = await clients.of(ada), await clients.of(bob)
    conversation, word = await mine.converse(bob.user_id), uuid4().hex
    sent = await theirs.put_message(conversation.id, str(uuid4()), f"the word is {word}")

    async def found() -> bool:
        page = await get(mine, "/v1/search/messages", q=word)
        return [each["message"]["id"] for each in page["items"]] == [sent.id]

    await eventually(found)
