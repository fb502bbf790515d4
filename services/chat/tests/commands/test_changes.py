"""What sockets change in messages goes by the same use cases as the public routes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from messenger_contracts.identity import service
from messenger_contracts.shapes import format_timestamp


@pytest.fixture
async def run(client, callers):
    """Runs commands as a gateway does."""
    headers = await callers.headers(service("gateway"))

    async def ask(*commands: dict) -> list[dict]:
        answer = await client.post("/internal/commands", json={"commands": commands}, headers=headers)
        assert answer.status_code == 200, answer.text
        return [{name: value for name, value in each.items() if value is not None} for each in answer.json()["results"]]

    return ask


def command(who, op: str, c: str, message: dict, **more) -> dict:
    actor = {"user_id": who.id, "username": who.name}
    return {"op": op, "actor": actor, "conversation_id": c, "message_id": message["id"], **more}


async def test_edits_reactions_and_deletes_tell_their_place_in_the_log(talk, run) -> None:
    ada, bob, c = talk
    message = (await ada.send(c, uuid4(), "helo")).json()
    for sent, seq in (
        (command(ada, "edit", c, message, body={"text": "hello"}), 4),
        (command(ada, "edit", c, message, body={"text": "hello"}), None),
        (command(bob, "react", c, message, emoji="👍"), 5),
        (command(bob, "react", c, message, emoji="👍"), None),
        (command(bob, "react", c, message, emoji="👍", remove=True), 6),
        (command(bob, "delete", c, message, everywhere=False), 7),
        (command(ada, "delete", c, message), 8),
        (command(ada, "delete", c, message), None),
    ):
        assert await run(sent) == [{"changed": {"seq": seq}}]
    events = (await ada.get(f"/v1/conversations/{c}/events", after_seq=3)).json()["items"]
    assert [event["type"] for event in events] == [
        "message.edited",
        "reaction.added",
        "reaction.removed",
        "skip",
        "message.deleted",
    ]


async def test_a_refusal_is_a_result_and_touches_no_other_command(talk, run) -> None:
    ada, bob, c = talk
    message = (await ada.send(c, uuid4())).json()
    results = await run(
        command(bob, "edit", c, message, body={"text": "bye"}),
        command(bob, "delete", c, message),
        command(bob, "react", c, {"id": "seven"}, emoji="👍"),
        command(bob, "react", str(uuid4()), message, emoji="👍"),
        command(ada, "edit", c, message, body={"text": "hi", "mentions": ["user-eve"]}),
        command(bob, "react", c, message, emoji="👍"),
    )
    codes = [result["error"]["code"] for result in results[:5]]
    assert codes == ["forbidden", "forbidden", "not_found", "not_member", "validation_failed"]
    assert results[4]["error"]["errors"][0]["pointer"] == "/mentions/0"
    assert results[5] == {"changed": {"seq": 4}}


async def test_a_send_for_later_is_acknowledged_as_such(talk, run) -> None:
    ada, bob, c = talk
    send_at = format_timestamp(datetime.now(UTC) + timedelta(hours=1))
    client_id = str(uuid4())
    actor = {"user_id": ada.id, "username": ada.name}
    send = {"op": "send", "actor": actor, "conversation_id": c, "client_id": client_id}
    send |= {"body": {"text": "later", "send_at": send_at}}
    [first], [again] = await run(send), await run(send)
    assert first["scheduled"]["send_at"] == send_at
    assert again["scheduled"] == {**first["scheduled"], "replayed": True}
    [waiting] = (await ada.get(f"/v1/conversations/{c}/scheduled")).json()["items"]
    assert (waiting["client_id"], waiting["text"]) == (client_id, "later")
    [refused] = await run({**send, "body": {"text": "other", "send_at": send_at}})
    assert refused["error"]["code"] == "idempotency_mismatch"
    assert (await bob.get(f"/v1/conversations/{c}/messages")).json()["items"] == []
