"""Reactions, over HTTP."""

import asyncio
from uuid import uuid4

import pytest


@pytest.fixture
async def talk(people):
    """Two people, and the path of a message that one of them sent."""
    ada, bob = await people("ada", "bob")
    c = (await ada.begin(bob)).json()["id"]
    return ada, bob, f"/v1/conversations/{c}/messages/{(await ada.send(c, uuid4())).json()['id']}"


async def react(who, path: str, emoji: str = "👍", method: str = "PUT"):
    return await who.request(method, f"{path}/reactions/{emoji}")


async def events_of(who, path: str, after: int = 3) -> list[dict]:
    return (await who.get(f"{path.rpartition('/messages')[0]}/events", after_seq=after)).json()["items"]


async def test_each_sees_how_many_reacted_and_whether_one_did_oneself(talk) -> None:
    ada, bob, path = talk
    for who, emoji in ((ada, "👍"), (bob, "👍"), (bob, "party_parrot")):
        assert (await react(who, path, emoji)).status_code == 204
    assert (await ada.get(path)).json()["reactions"] == {
        "👍": {"count": 2, "mine": True},
        "party_parrot": {"count": 1, "mine": False},
    }


async def test_the_same_reaction_again_changes_nothing(talk) -> None:
    ada, bob, path = talk
    answers = await asyncio.gather(*(react(bob, path) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [204] * 5
    assert (await ada.get(path)).json()["reactions"] == {"👍": {"count": 1, "mine": False}}
    assert len(await events_of(ada, path)) == 1


async def test_a_reaction_can_be_taken_back_once(talk) -> None:
    ada, bob, path = talk
    await react(bob, path)
    await react(ada, path)
    for _ in range(2):
        assert (await react(bob, path, method="DELETE")).status_code == 204
    assert (await ada.get(path)).json()["reactions"] == {"👍": {"count": 1, "mine": True}}
    assert [event["type"] for event in await events_of(ada, path)] == [
        "reaction.added",
        "reaction.added",
        "reaction.removed",
    ]


async def test_an_event_tells_who_reacted_how_and_how_many_did(talk) -> None:
    ada, bob, path = talk
    await react(bob, path, "❤️")
    [event] = await events_of(ada, path)
    message = (await ada.get(path)).json()
    assert (event["type"], event["by"]) == ("reaction.added", bob.id)
    assert event["data"] == {
        "message_id": message["id"],
        "message_seq": message["seq"],
        "emoji": "❤️",
        "user_id": bob.id,
        "count": 1,
    }


async def test_who_reacted_is_listed_page_by_page_and_by_kind(talk) -> None:
    ada, bob, path = talk
    for who, emoji in ((ada, "👍"), (bob, "👍"), (bob, "👎")):
        await react(who, path, emoji)
    seen, link = [], f"{path}/reactions?limit=1"
    while link:
        page = await ada.get(link)
        seen += [(each["emoji"], each["user_id"]) for each in page.json()["items"]]
        link = page.links.get("next", {}).get("url")
    assert sorted(seen) == sorted([("👍", ada.id), ("👍", bob.id), ("👎", bob.id)])
    only = (await ada.get(f"{path}/reactions", emoji="👎")).json()["items"]
    assert [(each["emoji"], each["user_id"]) for each in only] == [("👎", bob.id)]


async def test_a_message_takes_fifty_kinds_and_no_more(talk) -> None:
    ada, bob, path = talk
    answers = [await react(ada, path, f"kind{n}") for n in range(51)]
    assert [answer.status_code for answer in answers] == [204] * 50 + [409]
    assert (await react(bob, path, "kind7")).status_code == 204
    assert len((await ada.get(path)).json()["reactions"]) == 50


@pytest.mark.parametrize("emoji", ["%20", "a%20b", "%00", "x" * 33, "%E2%80%83", "%E2%80%8B", "%EF%B8%8F"])
async def test_what_is_no_emoji_is_refused(talk, emoji) -> None:
    ada, _, path = talk
    for method in ("PUT", "DELETE"):
        answer = await react(ada, path, emoji, method)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "path/emoji")
    assert (await ada.client.get(f"{path}/reactions?emoji={emoji}", headers=ada.headers)).status_code == 422


async def test_there_must_be_such_a_message_for_the_one_who_reacts(talk, people) -> None:
    ada, bob, path = talk
    [eve] = await people("eve")
    assert (await react(eve, path)).json()["code"] == "not_member"
    conversation = path.rpartition("/")[0]
    for missing in (uuid4(), "seven"):
        assert (await react(ada, f"{conversation}/{missing}")).json()["code"] == "not_found"
        assert (await ada.get(f"{conversation}/{missing}/reactions")).json()["code"] == "not_found"
    await bob.request("DELETE", path, params={"for": "me"})
    assert (await react(bob, path)).json()["code"] == "not_found"
    await ada.request("DELETE", path)
    assert (await react(ada, path)).json()["code"] == "not_found"
    assert (await ada.get(f"{path}/reactions")).json()["code"] == "not_found"


async def test_where_a_block_stands_between_two_reactions_can_only_be_taken_back(talk, sql) -> None:
    ada, bob, path = talk
    await react(bob, path)
    await sql("UPDATE conversations SET closed_by = ARRAY[$1]", ada.id)
    assert (await react(ada, path)).status_code == 403
    assert (await react(bob, path, "👎")).status_code == 403
    assert (await react(bob, path, method="DELETE")).status_code == 204


async def test_in_a_group_those_whom_one_blocks_are_not_listed(people, group_of, sql) -> None:
    ada, bob, cy = await people("ada", "bob", "cy")
    c = await group_of(ada, bob, cy)
    path = f"/v1/conversations/{c}/messages/{(await ada.send(c, uuid4())).json()['id']}"
    await react(bob, path)
    await react(cy, path)
    await sql("INSERT INTO blocks (blocker, blocked, active, version) VALUES ($1, $2, true, 1)", ada.id, bob.id)
    assert [each["user_id"] for each in (await ada.get(f"{path}/reactions")).json()["items"]] == [cy.id]
    assert len((await cy.get(f"{path}/reactions")).json()["items"]) == 2
