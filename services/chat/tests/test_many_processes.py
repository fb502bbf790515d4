"""Several chats on one database: whichever serves a request, there is one log."""

import asyncio
from collections import Counter
from uuid import uuid4

from chat_service.main import create
from servicekit.testing import client_of


async def test_sends_through_two_processes_make_one_dense_log(settings, callers) -> None:
    async with client_of(create(settings)) as one, client_of(create(settings)) as two:
        ada, bob = await callers.user("ada"), await callers.user("bob")
        begun = await one.post("/v1/conversations", json={"kind": "direct", "member_ids": ["user-bob"]}, headers=ada)
        c = begun.json()["id"]
        ids = [uuid4() for _ in range(60)]

        async def send(client, client_id, headers) -> tuple:
            path = f"/v1/conversations/{c}/messages/{client_id}"
            answer = await client.put(path, json={"text": "hi"}, headers=headers)
            return answer.status_code, answer.json()["seq"]

        answers = await asyncio.gather(*(send(client, each, ada) for each in ids for client in (one, two)))
        assert Counter(status for status, _ in answers) == {201: 60, 200: 60}
        assert Counter(seq for _, seq in answers) == dict.fromkeys(range(3, 63), 2)
        [log] = [(await two.get(f"/v1/conversations/{c}/events?limit=200", headers=bob)).json()["items"]]
        assert [event["seq"] for event in log] == list(range(1, 63))
