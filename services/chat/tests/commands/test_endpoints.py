"""What gateways ask: batches, positions, and what a returning client missed."""

from itertools import islice
from uuid import uuid4

import orjson
import pytest

from chat_service.main import create
from messenger_contracts.identity import service
from messenger_contracts.realtime import conversation_channel, user_channel
from servicekit.testing import PREFIX, client_of, eventually


@pytest.fixture
async def gateway(client, callers):
    headers = await callers.headers(service("gateway"))

    async def ask(name: str, **body):
        return await client.post(f"/internal/{name}", json=body, headers=headers)

    return ask


def send(who, conversation: str, text: str = "hi", client_id: str | None = None) -> dict:
    return {
        "op": "send",
        "actor": {"user_id": who.id, "username": who.name},
        "conversation_id": conversation,
        "client_id": client_id or str(uuid4()),
        "body": {"text": text},
    }


async def test_a_batch_keeps_its_order_and_one_failure_is_its_own(people, gateway) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    c = (await ada.begin(bob)).json()["id"]
    again = str(uuid4())
    read = {"op": "read", "actor": {"user_id": bob.id, "username": "bob"}, "conversation_id": c, "seq": 2}
    batch = [
        send(ada, c, "1", again),
        send(eve, c),
        send(bob, c),
        send(ada, c, "1", again),
        send(ada, c, "2", again),
        read,
    ]
    results = (await gateway("commands", commands=batch)).json()["results"]
    assert [result.get("sent", {}).get("seq") for result in results] == [3, None, 4, 3, None, None]
    assert [result.get("error", {}).get("code") for result in results] == [
        None,
        "not_member",
        None,
        None,
        "idempotency_mismatch",
        None,
    ]
    assert results[5]["read"]["read_seq"] == 2


async def test_people_cannot_speak_for_others(people) -> None:
    [ada] = await people("ada")
    for name in ("commands", "resumes", "positions", "missed"):
        answer = await ada.request("POST", f"/internal/{name}", json={"commands": [], "ids": [], "after": {}})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def returning(who, positions: dict[str, int], limit: int = 10) -> dict:
    return {"user_id": who.id, "resume": {"positions": positions, "limit": limit}}


async def resume(gateway, *resumes: dict) -> list[dict]:
    """The answers, each with its events."""
    answer = await gateway("resumes", resumes=resumes)
    head, *frames = answer.content.split(b"\n")
    events = iter([orjson.loads(frame)["d"] for frame in frames])
    told = [{**each, "events": list(islice(events, each["frames"]))} for each in orjson.loads(head)]
    assert list(events) == []
    return told


async def test_a_resume_brings_all_that_was_missed(talk, gateway) -> None:
    ada, bob, c = talk
    for n in range(4):
        await ada.send(c, uuid4(), str(n))
    [answer] = await resume(gateway, returning(bob, {c: 4, "gone": 9}))
    assert [event["seq"] for event in answer["events"]] == [5, 6]
    assert answer["complete"] is True
    assert answer["left"] == ["gone"]
    assert answer["conversations"][c]["last_seq"] == 6


async def test_many_who_return_at_once_each_get_their_own(people, gateway) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    c = (await ada.begin(bob)).json()["id"]
    other = (await ada.begin(eve)).json()["id"]
    await ada.send(c, uuid4(), "to bob")
    answers = await resume(gateway, returning(bob, {c: 1}), returning(eve, {}), returning(ada, {c: 3, other: 2}))
    assert [[(event["c"], event["seq"]) for event in answer["events"]] for answer in answers] == [
        [(c, 2), (c, 3)],
        [(other, 1), (other, 2)],
        [],
    ]
    assert [sorted(answer["conversations"]) for answer in answers] == [[c], [other], sorted([c, other])]


async def test_events_of_a_resume_are_those_of_the_log(talk, gateway) -> None:
    ada, bob, c = talk
    await ada.send(c, uuid4(), "hi")
    [answer] = await resume(gateway, returning(bob, {}))
    page = await bob.request("GET", f"/v1/conversations/{c}/events")
    assert answer["events"] == page.json()["items"]


async def test_a_resume_past_its_limit_brings_nothing(talk, gateway) -> None:
    _, bob, c = talk
    [answer] = await resume(gateway, returning(bob, {}, limit=1))
    assert (answer["complete"], answer["events"]) == (False, [])
    assert answer["conversations"][c]["last_seq"] == 2


async def test_a_position_beyond_the_log_is_named(talk, gateway) -> None:
    _, bob, c = talk
    [answer] = await resume(gateway, returning(bob, {c: 3}))
    assert (answer["complete"], answer["unknown"]) == (False, [c])


async def test_a_batch_that_is_none_is_refused_with_pointers(gateway) -> None:
    answer = await gateway("resumes", resumes=[{"user_id": "x"}])
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/resumes/0/resume")


async def test_a_gateway_learns_positions_and_reads_on(talk, gateway) -> None:
    ada, _, c = talk
    await ada.send(c, uuid4())
    standing = (await gateway("positions", ids=[c, str(uuid4())])).json()["conversations"]
    assert {each: position["last_seq"] for each, position in standing.items()} == {c: 3}
    events = (await gateway("missed", after={c: 1}, limit=1)).json()["events"]
    assert [each["event"]["seq"] for each in events] == [2]


async def test_what_is_committed_is_told_to_the_sockets(talk, listening) -> None:
    ada, bob, c = talk
    async with listening(c, conversation_channel(PREFIX, c)) as heard:
        await ada.send(c, uuid4(), "hi")
        [event] = (await heard())[1].events
        shown = (await bob.get(f"/v1/conversations/{c}/events", after_seq=2)).json()["items"]
        assert [orjson.loads(event.frame)["d"]] == shown
        await bob.request("PUT", f"/v1/conversations/{c}/read", json={"seq": 3})
        [push] = (await heard())[1].pushes
        assert push == {"op": "read", "d": {"c": c, "by": bob.id, "seq": 3, "mark": "read"}}


async def test_who_is_in_a_new_conversation_is_told_to_follow(people, listening) -> None:
    ada, bob = await people("ada", "bob")
    async with listening("joined", user_channel(PREFIX, bob.id)) as heard:
        c = (await ada.begin(bob)).json()["id"]
        while (told := (await heard())[1]).joined != {c: 1}:
            assert c not in told.joined


async def test_without_valkey_sends_are_stored_all_the_same(settings, callers) -> None:
    alone = settings.model_copy(update={"valkey_url": "redis://127.0.0.1:1/0"})
    async with client_of(create(alone)) as client:
        headers = await callers.user("ada")
        begun = await client.post(
            "/v1/conversations", json={"kind": "direct", "member_ids": ["user-bob"]}, headers=headers
        )
        c = begun.json()["id"]
        sent = await client.put(f"/v1/conversations/{c}/messages/{uuid4()}", json={"text": "hi"}, headers=headers)
        assert (begun.status_code, sent.status_code) == (201, 201)


async def test_peers_are_those_of_open_direct_conversations(people, gateway, sql) -> None:
    ada, bob, eve, dan = await people("ada", "bob", "eve", "dan")
    await ada.begin(bob)
    closed = (await ada.begin(eve)).json()["id"]
    await sql("UPDATE conversations SET closed_by = ARRAY[$1] WHERE id = $2", eve.id, closed)
    asked = [bob.id, eve.id, dan.id, ada.id, "nobody"]
    peers = {"op": "peers", "actor": {"user_id": ada.id, "username": "ada"}, "user_ids": asked}
    [result] = (await gateway("commands", commands=[peers])).json()["results"]
    assert result["peers"] == {"user_ids": [bob.id]}


async def test_joins_are_told_from_a_version_on(people, gateway, group_of) -> None:
    ada, bob = await people("ada", "bob")
    await group_of(bob)
    asked = {"user_ids": [bob.id]}
    first = await _settled(gateway, **asked)
    c = await group_of(ada)
    member = f"/v1/conversations/{c}/members/{bob.id}"
    await ada.request("PUT", member, json={})
    second = (await gateway("joins", **asked, after=first["version"])).json()
    place = second["joined"][bob.id][c]
    assert (place["last_seq"], place["visible_from"], place["direct"]) == (2, 2, False)
    third = (await gateway("joins", **asked, after=second["version"])).json()
    assert third["joined"].keys() <= {bob.id}
    await ada.request("DELETE", member)
    assert c not in (await gateway("joins", **asked, after=first["version"])).json()["joined"].get(bob.id, {})


async def test_a_version_of_another_time_tells_nothing(people, gateway) -> None:
    ada, bob = await people("ada", "bob")
    await ada.begin(bob)
    for after in (0, 2**62):
        await _settled(gateway, user_ids=[ada.id, "a\ufffd"], after=after)


async def _settled(gateway, **asked):
    """The answer once all that went before is told: what is younger than a transaction that still runs is told again.

    It may be anybody's on the same server.
    """

    async def nothing_told():
        answer = await gateway("joins", **asked)
        assert answer.status_code == 200
        return answer.json() if answer.json()["joined"] == {} else None

    return await eventually(nothing_told)
