"""The sender's UUID makes every repetition of a message harmless, by whatever way it comes."""

import asyncio
from uuid import uuid4

from messenger_contracts.problem import ErrorCode
from messengerctl.client import Listener, Session


async def put(client, conversation, client_id, text):
    path = f"/v1/conversations/{conversation.id}/messages/{client_id}"
    headers = {"authorization": f"Bearer {client.tokens.access_token}"}
    return await client.http.put(path, json={"text": text}, headers=headers)


async def test_the_first_put_creates_and_the_second_finds(ada, bob, clients):
    client, client_id = await clients.of(ada), uuid4()
    conversation = await client.converse(bob.user_id)
    first, second = (
        await put(client, conversation, client_id, "once"),
        await put(client, conversation, client_id, "once"),
    )
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


async def test_another_body_under_the_same_id_is_refused(ada, bob, clients):
    client, client_id = await clients.of(ada), uuid4()
    conversation = await client.converse(bob.user_id)
    await put(client, conversation, client_id, "this")
    answer = await put(client, conversation, client_id, "that")
    assert (answer.status_code, answer.json()["code"]) == (422, ErrorCode.IDEMPOTENCY_MISMATCH)


async def test_many_at_once_make_one_message(ada, bob, clients):
    client, client_id = await clients.of(ada), str(uuid4())
    conversation = await client.converse(bob.user_id)
    async with Session(client, Listener()) as session:
        await session.live()
        by_put = [put(client, conversation, client_id, "once") for _ in range(8)]
        sent, *answers = await asyncio.gather(session.send(conversation.id, "once", client_id), *by_put)
    assert {answer.json()["seq"] for answer in answers} == {sent.seq}
    assert (await client.converse(bob.user_id)).last_seq == sent.seq
