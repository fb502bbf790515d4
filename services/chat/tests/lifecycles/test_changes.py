"""How conversations change as a whole, and end, over HTTP."""

import asyncio
from uuid import uuid4

import pytest

NOBODYS = "01890000-0000-7000-8000-000000000001"


async def patch(who, conversation: str, if_match: str | None = None, **wish):
    headers = who.headers | ({"If-Match": if_match} if if_match else {})
    return await who.client.patch(f"/v1/conversations/{conversation}", json=wish, headers=headers)


async def delete(who, conversation: str) -> int:
    return (await who.request("DELETE", f"/v1/conversations/{conversation}")).status_code


async def log(who, conversation: str, after: int = 0) -> list[dict]:
    answer = await who.get(f"/v1/conversations/{conversation}/events", after_seq=after)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def ids(who) -> list[str]:
    return [conversation["id"] for conversation in (await who.get("/v1/conversations")).json()["items"]]


async def test_a_change_is_one_event_with_all_that_can_change(people, group_of, library) -> None:
    ada, bob = await people("ada", "bob")
    c, picture = await group_of(ada, bob), library.add(ada)
    answer = await patch(ada, c, title="They", avatar=picture)
    assert (answer.status_code, answer.json()["title"], answer.json()["avatar"]) == (200, "They", picture)
    assert answer.json()["last_seq"] == 3
    [event] = await log(bob, c, 2)
    shown = {"title": "They", "avatar": picture, "avatar_by": ada.id, "history": "joined"}
    assert (event["type"], event["by"]) == ("conversation.updated", ada.id)
    assert event["data"] == shown | {"deleted": False, "cleared": False}


async def test_null_takes_away_and_what_is_left_out_stays(people, group_of, library) -> None:
    [ada] = await people("ada")
    c, picture = await group_of(ada), library.add(ada)
    await patch(ada, c, title="They", avatar=picture, history="shared")
    changed = (await patch(ada, c, title=None)).json()
    assert (changed["title"], changed["avatar"], changed["history"]) == (None, picture, "shared")
    await patch(ada, c, avatar=None)
    *_, event = await log(ada, c)
    assert (event["data"]["avatar"], event["data"]["avatar_by"]) == (None, None)


async def test_a_picture_stays_that_of_who_gave_it(people, group_of, library) -> None:
    """Whoever names it again, or changes the title: nobody is asked about what is there already."""
    ada, bob = await people("ada", "bob")
    c, picture = await group_of(ada, bob), library.add(ada)
    await patch(ada, c, avatar=picture)
    await ada.request("PUT", f"/v1/conversations/{c}/members/{bob.id}", json={"role": "admin"})
    library.away = True

    assert (await patch(bob, c, title="They", avatar=picture)).status_code == 200
    assert (await patch(bob, c, avatar=None)).status_code == 200

    *_, titled, taken = await log(ada, c)
    assert (titled["by"], titled["data"]["avatar"], titled["data"]["avatar_by"]) == (bob.id, picture, ada.id)
    assert (taken["data"]["avatar"], taken["data"]["avatar_by"]) == (None, None)


async def test_a_picture_of_somebody_else_s_changes_nothing(people, group_of, library) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    for picture in (library.add(bob), library.add(ada, "rejected"), str(uuid4())):
        answer = await patch(ada, c, title="They", avatar=picture)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["pointer"]) == (422, "/avatar")
        assert error["detail"] == "is no file that you may send"
    assert await log(ada, c, 2) == []


async def test_while_media_is_away_a_picture_changes_nothing_and_all_else_may(people, group_of, library) -> None:
    [ada] = await people("ada")
    c, picture = await group_of(ada), library.add(ada)
    library.away = True
    answer = await patch(ada, c, title="They", avatar=picture)
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
    assert await log(ada, c, 1) == []
    assert (await patch(ada, c, title="They")).status_code == 200
    library.away = False
    assert (await patch(ada, c, avatar=picture)).json()["avatar"] == picture


async def test_whose_picture_it_is_is_told_to_admins_alone(people, group_of, library) -> None:
    """Who may not change the group hears that, not what media says."""
    ada, bob, cleo = await people("ada", "bob", "cleo")
    c = await group_of(ada, bob)
    answers = [await patch(who, c, avatar=library.add(ada)) for who in (bob, cleo)]
    assert [each.json()["code"] for each in answers] == ["forbidden", "not_member"]


@pytest.mark.parametrize("title", ["👩‍👩‍👧‍👦 at home", "🫨", "شركة \u200f(م)", "x" * 200])
async def test_a_title_is_in_any_script(people, group_of, title) -> None:
    [ada] = await people("ada")
    assert (await patch(ada, await group_of(ada), title=title)).json()["title"] == title


@pytest.mark.parametrize("wish", [{}, {"title": "We"}, {"avatar": None, "history": "joined"}])
async def test_what_is_so_already_is_no_change(people, group_of, wish) -> None:
    [ada] = await people("ada")
    c = await group_of(ada)
    before = await ada.get(f"/v1/conversations/{c}")
    after = await patch(ada, c, **wish)
    assert (after.status_code, after.json()) == (200, before.json())
    assert after.headers["etag"] == before.headers["etag"]


async def test_a_change_of_what_was_not_read_is_refused(people, group_of) -> None:
    [ada] = await people("ada")
    c = await group_of(ada)
    read = (await ada.get(f"/v1/conversations/{c}")).headers["etag"]
    first = await patch(ada, c, read, title="They")
    assert (first.status_code, first.headers["etag"] == read) == (200, False)
    second = await patch(ada, c, read, title="You")
    assert (second.status_code, second.json()["code"]) == (412, "precondition_failed")
    assert (await patch(ada, c, first.headers["etag"], title="You")).json()["title"] == "You"


async def test_of_changes_of_the_same_version_at_once_one_is_made(people, group_of) -> None:
    [ada] = await people("ada")
    c = await group_of(ada)
    read = (await ada.get(f"/v1/conversations/{c}")).headers["etag"]
    answers = await asyncio.gather(*(patch(ada, c, read, title=f"Title {number}") for number in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_only_who_looks_after_a_group_changes_it(people, group_of) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    c = await group_of(ada, bob)
    assert (await patch(bob, c, title="They")).status_code == 403
    assert (await patch(eve, c, title="They")).json()["code"] == "not_member"
    await ada.request("PUT", f"/v1/conversations/{c}/members/{bob.id}", json={"role": "admin"})
    assert (await patch(bob, c, title="They")).status_code == 200


async def test_a_direct_conversation_has_no_title(talk) -> None:
    ada, _, c = talk
    assert (await patch(ada, c, title="Us")).status_code == 403


@pytest.mark.parametrize("wish", [{"title": ""}, {"avatar": 1}, {"history": None}, {"kind": "direct"}])
async def test_a_change_that_cannot_be_is_refused(people, group_of, wish) -> None:
    [ada] = await people("ada")
    answer = await patch(ada, await group_of(ada), **wish)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(wish))}")


@pytest.mark.parametrize("place", ["nowhere", "%00", "%ED%A0%80", NOBODYS])
async def test_what_is_no_conversation_of_the_caller_is_not_found(people, place) -> None:
    [ada] = await people("ada")
    for answer in (await patch(ada, place, title="x"), await ada.request("DELETE", f"/v1/conversations/{place}")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_member")


async def test_an_owner_ends_a_group_for_everybody(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    assert await delete(bob, c) == 403
    assert await delete(ada, c) == 204
    for who in (ada, bob):
        assert await ids(who) == []
        for path in ("", "/events", "/messages", "/members"):
            assert (await who.get(f"/v1/conversations/{c}{path}")).json()["code"] == "not_member"
        assert (await who.send(c, uuid4())).status_code == 404
    assert await delete(ada, c) == 404


async def test_the_end_of_a_group_is_its_last_event(people, group_of, sql) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    await delete(ada, c)
    rows = await sql(
        "SELECT seq, type, data ->> 'deleted' AS deleted FROM log WHERE conversation_id = $1 AND seq > 2", c
    )
    assert [tuple(row) for row in rows] == [(3, "conversation.updated", "true")]
    [row] = await sql("SELECT last_seq, member_count FROM conversations WHERE id = $1", c)
    assert tuple(row) == (3, 0)


async def test_a_direct_conversation_is_emptied_for_the_caller_alone(talk) -> None:
    ada, bob, c = talk
    await bob.send(c, uuid4(), "old")
    assert await delete(ada, c) == 204
    assert await ids(ada) == []
    assert (await ada.get(f"/v1/conversations/{c}/messages")).json()["items"] == []
    assert (await ada.get(f"/v1/conversations/{c}")).json()["unread"] == 0
    assert await ids(bob) == [c]
    assert [message["text"] for message in (await bob.get(f"/v1/conversations/{c}/messages")).json()["items"]] == [
        "old"
    ]


async def test_an_emptied_conversation_comes_back_with_the_next_message(talk) -> None:
    ada, bob, c = talk
    await bob.send(c, uuid4(), "old")
    await delete(ada, c)
    await bob.send(c, uuid4(), "new")
    [shown] = (await ada.get("/v1/conversations")).json()["items"]
    assert (shown["id"], shown["unread"], shown["last_message"]["text"]) == (c, 1, "new")
    assert [message["text"] for message in (await ada.get(f"/v1/conversations/{c}/messages")).json()["items"]] == [
        "new"
    ]


async def test_that_one_empties_it_does_not_bring_it_back_to_the_other(talk) -> None:
    ada, bob, c = talk
    await bob.send(c, uuid4())
    await delete(ada, c)
    await delete(bob, c)
    assert (await ids(ada), await ids(bob)) == ([], [])


async def test_that_one_empties_it_does_not_move_it_in_the_others_list(people) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    first, second = (await ada.begin(bob)).json()["id"], (await ada.begin(cleo)).json()["id"]
    await delete(bob, first)
    assert await ids(ada) == [second, first]


async def test_every_device_learns_at_its_own_position_that_it_was_emptied(talk) -> None:
    ada, bob, c = talk
    for _ in range(3):
        await bob.send(c, uuid4())
    await delete(ada, c)
    for position in (0, 2, 4):
        skip, event = await log(ada, c, position)
        assert (skip["type"], skip["seq"], skip["to"]) == ("skip", position + 1, 5)
        assert (event["type"], event["seq"], event["data"]["cleared"]) == ("conversation.updated", 6, True)
    assert [event["type"] for event in await log(bob, c, 4)] == ["message.created", "skip"]


async def test_to_empty_it_leaves_no_draft_and_no_mark(talk) -> None:
    ada, _, c = talk
    await ada.request("PUT", f"/v1/conversations/{c}/draft", json={"text": "well"})
    await ada.request("PUT", f"/v1/conversations/{c}/archive")
    await ada.request("PUT", f"/v1/conversations/{c}/unread")
    await delete(ada, c)
    kept = (await ada.get(f"/v1/conversations/{c}")).json()
    assert (kept["draft"], kept["archived"], kept["marked_unread"]) == (None, False, False)
