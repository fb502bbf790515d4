"""Coming into a group, having a role in it, and going, over HTTP."""

import asyncio
from uuid import uuid4

import pytest

from chat_service.main import create
from servicekit.testing import client_of


async def log(who, conversation: str, after: int = 0) -> list[dict]:
    answer = await who.get(f"/v1/conversations/{conversation}/events", after_seq=after)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def texts(who, conversation: str) -> list[str]:
    page = (await who.get(f"/v1/conversations/{conversation}/messages")).json()
    return [message["text"] for message in reversed(page["items"])]


async def test_members_are_listed_by_role_and_then_by_time(people, group_of, members_of) -> None:
    ada, bob, cleo, dan = await people("ada", "bob", "cleo", "dan")
    c = await group_of(ada, bob, cleo)
    members = members_of(c)
    await members.put(ada, dan, "admin")
    first = await bob.get(members.path, limit=3)
    assert [member["username"] for member in first.json()["items"]] == ["ada", "dan", "bob"]
    rest = (await bob.get(first.links["next"]["url"])).json()
    assert ([member["username"] for member in rest["items"]], rest["next"]) == (["cleo"], None)


async def test_one_member_is_read(people, group_of, members_of) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    members = members_of(await group_of(ada, bob))
    read = (await bob.get(f"{members.path}/{ada.id}")).json()
    assert (read["user_id"], read["username"], read["role"]) == (ada.id, "ada", "owner")
    assert (await bob.get(f"{members.path}/{eve.id}")).json()["code"] == "not_found"
    assert (await eve.get(f"{members.path}/{ada.id}")).json()["code"] == "not_member"


async def test_a_direct_conversation_has_members_that_do_not_change(people, members_of) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    members = members_of((await ada.begin(bob)).json()["id"])
    assert await members.roles(ada) == {"ada": "member", "bob": "member"}
    assert (await members.put(ada, cleo)).status_code == 403
    assert (await members.put(ada, bob, "admin")).status_code == 403
    assert (await members.put_all(ada, cleo)).status_code == 403
    assert await members.remove(ada, bob) == 403
    assert await members.remove(ada, ada) == 403


async def test_who_is_added_comes_in_by_an_event(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    answer = await members_of(c).put(ada, bob)
    assert (answer.status_code, answer.json()["user_id"], answer.json()["role"]) == (201, bob.id, "member")
    [event] = await log(ada, c, 1)
    told = {"user_id": bob.id, "username": "bob", "role": "member"}
    assert (event["type"], event["by"], event["data"]) == ("member.joined", ada.id, told)
    assert (await ada.get(f"/v1/conversations/{c}")).json()["member_count"] == 2
    assert (await bob.send(c, uuid4())).status_code == 201


async def test_to_add_a_member_again_changes_nothing(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    assert (await members_of(c).put(ada, bob)).status_code == 200
    assert (await members_of(c).put_all(ada, bob, ada)).json() == {"added": [], "member_count": 2}
    assert await log(ada, c, 2) == []


async def test_only_admins_add_and_only_owners_give_roles(people, group_of, members_of) -> None:
    ada, bob, cleo, dan = await people("ada", "bob", "cleo", "dan")
    members = members_of(await group_of(ada, bob, cleo))
    await members.put(ada, bob, "admin")
    assert (await members.put(cleo, dan)).status_code == 403
    assert (await members.put_all(cleo, dan)).status_code == 403
    assert (await members.put(bob, dan, "admin")).status_code == 403
    assert (await members.put(bob, dan)).status_code == 201
    assert (await members.put(bob, dan, "admin")).status_code == 403
    assert (await members.put(bob, ada, "member")).status_code == 403
    assert await members.roles(dan) == {"ada": "owner", "bob": "admin", "cleo": "member", "dan": "member"}


async def test_a_stranger_does_nothing_to_a_group(people, group_of, members_of) -> None:
    ada, eve = await people("ada", "eve")
    members = members_of(await group_of(ada))
    assert (await members.put(eve, eve)).json()["code"] == "not_member"
    assert (await members.put_all(eve, eve)).json()["code"] == "not_member"
    assert await members.remove(eve, ada) == 404
    assert (await eve.get(members.path)).json()["code"] == "not_member"


@pytest.mark.parametrize("user_id", ["nobody", "a%00b", "%ED%A0%80", "no%20body", "%25", "x" * 2000])
async def test_who_is_no_person_is_not_found(people, group_of, members_of, user_id) -> None:
    [ada] = await people("ada")
    members = members_of(await group_of(ada))
    assert (await members.put(ada, user_id)).json()["code"] == "not_found"
    assert (await ada.get(f"{members.path}/{user_id}")).json()["code"] == "not_found"
    assert (await ada.request("DELETE", f"{members.path}/{user_id}")).status_code in (204, 404)


async def test_a_role_that_there_is_not_is_refused(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    answer = await members_of(await group_of(ada, bob)).put(ada, bob, "king")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/role")


async def test_a_role_changes_by_an_event(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    answer = await members_of(c).put(ada, bob, "admin")
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    [event] = await log(bob, c, 2)
    told = {"user_id": bob.id, "username": "bob", "role": "admin"}
    assert (event["type"], event["by"], event["data"]) == ("member.role", ada.id, told)
    assert (await bob.get(f"/v1/conversations/{c}")).json()["role"] == "admin"


async def test_the_last_owner_hands_over_before_going(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    members = members_of(await group_of(ada, bob))
    assert await members.remove(ada, ada) == 409
    assert (await members.put(ada, ada, "member")).json()["code"] == "conflict"
    assert (await members.put(ada, bob, "owner")).status_code == 200
    assert await members.remove(ada, ada) == 204
    assert await members.roles(bob) == {"bob": "owner"}


async def test_an_owner_may_step_down_where_there_is_another(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    members = members_of(await group_of(ada, bob))
    await members.put(ada, bob, "owner")
    assert (await members.put(ada, ada, "member")).status_code == 200
    assert (await members.put(bob, bob, "admin")).status_code == 409
    assert await members.roles(ada) == {"ada": "member", "bob": "owner"}


async def test_two_owners_who_go_at_once_leave_one(people, group_of, members_of) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    for goes in ("remove", "put"):
        members = members_of(await group_of(ada, bob, cleo))
        await members.put(ada, bob, "owner")
        change = members.remove if goes == "remove" else lambda who, same, to=members: to.put(who, same, "member")
        answers = await asyncio.gather(*(change(who, who) for who in (ada, bob)))
        assert sorted(getattr(each, "status_code", each) for each in answers)[-1] == 409
        assert list((await members.roles(cleo)).values()).count("owner") == 1


async def test_with_its_last_member_a_group_ends(people, group_of, members_of, sql) -> None:
    [ada] = await people("ada")
    c = await group_of(ada)
    assert await members_of(c).remove(ada, ada) == 204
    assert (await ada.get(f"/v1/conversations/{c}")).status_code == 404
    [row] = await sql("SELECT type, data ->> 'deleted' AS deleted FROM log WHERE conversation_id = $1 AND seq = 2", c)
    assert tuple(row) == ("conversation.updated", "true")


async def test_who_leaves_is_out(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    assert await members_of(c).remove(bob, bob) == 204
    [event] = await log(ada, c, 2)
    told = {"user_id": bob.id, "username": "bob", "role": "member"}
    assert (event["type"], event["by"], event["data"]) == ("member.left", bob.id, told)
    assert (await bob.send(c, uuid4())).json()["code"] == "not_member"
    assert (await bob.get(f"/v1/conversations/{c}/events")).json()["code"] == "not_member"
    assert (await bob.get("/v1/conversations")).json()["items"] == []
    assert (await ada.get(f"/v1/conversations/{c}")).json()["member_count"] == 1


async def test_admins_remove_members_and_owners_remove_admins(people, group_of, members_of) -> None:
    ada, bob, cleo, dan = await people("ada", "bob", "cleo", "dan")
    members = members_of(await group_of(ada, bob, cleo, dan))
    await members.put(ada, bob, "admin")
    await members.put(ada, dan, "admin")
    assert [await members.remove(cleo, dan), await members.remove(bob, dan), await members.remove(bob, ada)] == [
        403
    ] * 3
    assert [await members.remove(bob, cleo), await members.remove(ada, bob)] == [204, 204]
    assert await members.roles(ada) == {"ada": "owner", "dan": "admin"}


async def test_to_remove_who_is_gone_changes_nothing(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    assert [await members_of(c).remove(ada, bob) for _ in range(2)] == [204, 204]
    assert len(await log(ada, c, 2)) == 1


async def test_who_joins_late_reads_what_follows(people, group_of, members_of) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    c = await group_of(ada, cleo)
    await ada.send(c, uuid4(), "before")
    await members_of(c).put(ada, bob)
    await ada.send(c, uuid4(), "after")
    assert await texts(bob, c) == ["after"]
    assert [(each["type"], each["seq"], each.get("to")) for each in await log(bob, c)] == [
        ("skip", 1, 3),
        ("member.joined", 4, None),
        ("message.created", 5, None),
    ]
    shown = (await bob.get(f"/v1/conversations/{c}")).json()
    assert (shown["read_seq"], shown["unread"], shown["last_message"]["text"]) == (4, 1, "after")


async def test_who_joins_a_group_of_shared_history_reads_it_all(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    await ada.send(c, uuid4(), "before")
    await ada.request("PATCH", f"/v1/conversations/{c}", json={"history": "shared"})
    await members_of(c).put(ada, bob)
    assert await texts(bob, c) == ["before"]
    assert [each["type"] for each in await log(bob, c)][:2] == ["member.joined", "message.created"]
    assert (await bob.get(f"/v1/conversations/{c}")).json()["unread"] == 0


async def test_that_history_is_shared_later_opens_nothing_to_who_is_there(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    await ada.send(c, uuid4(), "before")
    await members_of(c).put(ada, bob)
    await ada.request("PATCH", f"/v1/conversations/{c}", json={"history": "shared"})
    assert await texts(bob, c) == []


async def test_who_comes_back_begins_anew(people, group_of, members_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    members = members_of(c)
    await members.put(ada, bob, "admin")
    await ada.send(c, uuid4(), "first")
    await bob.request("PUT", f"/v1/conversations/{c}/draft", json={"text": "well"})
    await bob.request("PUT", f"/v1/conversations/{c}/archive")
    await members.remove(bob, bob)
    await ada.send(c, uuid4(), "while away")
    assert (await members.put(ada, bob)).status_code == 201
    await ada.send(c, uuid4(), "again")
    shown = (await bob.get(f"/v1/conversations/{c}")).json()
    assert (shown["role"], shown["unread"], shown["draft"], shown["archived"]) == ("member", 1, None, False)
    assert await texts(bob, c) == ["again"]
    assert (await ada.get(f"/v1/conversations/{c}")).json()["member_count"] == 2


async def test_many_are_added_at_once_and_each_reads_from_the_own_joining(people, group_of, members_of, sql) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    c = await group_of(ada, bob)
    answer = await members_of(c).put_all(ada, *(f"user-{number}" for number in range(998)), bob, cleo)
    assert (answer.status_code, answer.json()["member_count"], len(answer.json()["added"])) == (200, 1001, 999)
    assert bob.id not in answer.json()["added"]
    [row] = await sql(
        """SELECT count(*) AS joined, min(l.seq) AS first, max(l.seq) AS last FROM log l JOIN members m
           ON m.conversation_id = l.conversation_id AND m.user_id = l.data ->> 'user_id' AND m.visible_from = l.seq
           WHERE l.conversation_id = $1 AND l.seq > 2""",
        c,
    )
    assert tuple(row) == (999, 3, 1001)


async def test_of_many_either_all_are_added_or_none(people, group_of, members_of, blocks) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    members = members_of(await group_of(ada))
    unknown = await members.put_all(ada, bob, "nobody", cleo)
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/user_ids/1")
    await blocks.block(cleo, ada)
    closed = await members.put_all(ada, bob, cleo)
    assert (closed.status_code, closed.json()["errors"][0]["pointer"]) == (403, "/user_ids/1")
    assert await members.roles(ada) == {"ada": "owner"}


async def test_a_block_keeps_two_people_from_bringing_each_other_in(people, group_of, members_of, blocks) -> None:
    ada, bob = await people("ada", "bob")
    members = members_of(await group_of(ada))
    await blocks.block(bob, ada)
    assert (await members.put(ada, bob)).json()["detail"] == "This person does not accept messages."
    await blocks.unblock(bob, ada)
    await blocks.block(ada, bob)
    assert (await members.put(ada, bob)).json()["detail"] == "You have blocked this person."
    await blocks.unblock(ada, bob)
    assert (await members.put(ada, bob)).status_code == 201


async def test_a_block_among_members_does_not_matter_to_adding_others(people, group_of, members_of, blocks) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    members = members_of(await group_of(ada, bob))
    await blocks.block(bob, ada)
    assert (await members.put_all(ada, bob, cleo)).json()["added"] == [cleo.id]


async def test_a_group_takes_as_many_as_the_settings_allow(settings, callers) -> None:
    small = settings.model_copy(update={"group_members": 3})
    async with client_of(create(small), **await callers.user("ada")) as client:
        body = {"kind": "group", "member_ids": ["user-bob"]}
        path = f"/v1/conversations/{(await client.post('/v1/conversations', json=body)).json()['id']}/members"
        full = await client.put(path, json={"user_ids": ["user-cleo", "user-dan"]})
        assert (full.status_code, full.json()["code"]) == (409, "conflict")
        assert (await client.put(f"{path}/user-cleo")).status_code == 201
        assert (await client.put(f"{path}/user-dan")).status_code == 409
        assert (await client.put(f"{path}/user-bob")).status_code == 200
