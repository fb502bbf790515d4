"""How conversations begin, over HTTP."""

import asyncio
from uuid import uuid4

import pytest

from chat_service.main import create
from servicekit.testing import client_of


async def begin(who, *others, key: str | None = None, **wish):
    body = {"kind": "group", "member_ids": [each if isinstance(each, str) else each.id for each in others]} | wish
    headers = who.headers | ({"Idempotency-Key": key} if key else {})
    return await who.client.post("/v1/conversations", json=body, headers=headers)


async def test_a_group_begins_with_its_owner_and_members(people) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    answer = await begin(ada, bob, cleo, title="  We  ", history="shared")
    group = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/conversations/{group['id']}")
    assert (group["kind"], group["title"], group["avatar"], group["history"]) == ("group", "We", None, "shared")
    assert (group["role"], group["member_count"], group["last_seq"], group["peer"]) == ("owner", 3, 3, None)
    assert (await cleo.get(f"/v1/conversations/{group['id']}")).json()["role"] == "member"
    events = (await bob.get(f"/v1/conversations/{group['id']}/events")).json()["items"]
    assert [(event["type"], event["by"]) for event in events] == [("member.joined", ada.id)] * 3
    assert events[0]["data"] == {"user_id": ada.id, "username": "ada", "role": "owner"}


async def test_a_group_may_begin_with_one_person_and_no_title(people) -> None:
    [ada] = await people("ada")
    group = (await ada.request("POST", "/v1/conversations", json={"kind": "group"})).json()
    assert (group["title"], group["avatar"], group["history"], group["member_count"]) == (None, None, "joined", 1)


async def test_a_group_that_begins_with_a_picture_tells_others_of_it(people, library) -> None:
    ada, bob = await people("ada", "bob")
    picture = library.add(ada)
    group = (await begin(ada, bob, avatar=picture)).json()
    assert (group["avatar"], group["member_count"], group["last_seq"]) == (picture, 2, 3)
    *_, event = (await bob.get(f"/v1/conversations/{group['id']}/events")).json()["items"]
    assert (event["seq"], event["type"], event["by"]) == (3, "conversation.updated", ada.id)
    assert (event["data"]["avatar"], event["data"]["avatar_by"]) == (picture, ada.id)


async def test_a_group_begins_with_no_picture_of_somebody_else_s(people, library) -> None:
    ada, bob = await people("ada", "bob")
    for picture in (library.add(bob), library.add(ada, "rejected"), str(uuid4())):
        answer = await begin(ada, bob, avatar=picture)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["pointer"]) == (422, "/avatar")
        assert error["detail"] == "is no file that you may send"
    assert (await bob.get("/v1/conversations")).json()["items"] == []


async def test_while_media_is_away_no_group_begins_with_a_picture(people, library) -> None:
    ada, bob = await people("ada", "bob")
    picture, key = library.add(ada), str(uuid4())
    library.away = True
    answer = await begin(ada, bob, key=key, avatar=picture)
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
    assert answer.headers["retry-after"]
    assert (await begin(ada, bob)).status_code == 201
    library.away = False
    again = await begin(ada, bob, key=key, avatar=picture)
    assert (again.status_code, again.json()["avatar"]) == (201, picture)


async def test_a_group_that_has_begun_is_answered_again_whatever_became_of_its_picture(people, library) -> None:
    ada, bob = await people("ada", "bob")
    picture, key = library.add(ada), str(uuid4())
    first = await begin(ada, bob, key=key, avatar=picture)
    library.remove(picture)
    again = await begin(ada, bob, key=key, avatar=picture)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_two_groups_of_the_same_people_are_two(people) -> None:
    ada, bob = await people("ada", "bob")
    assert (await begin(ada, bob)).json()["id"] != (await begin(ada, bob)).json()["id"]


async def test_a_group_may_begin_with_a_thousand_others(people) -> None:
    [ada] = await people("ada")
    answer = await begin(ada, *(f"user-{number}" for number in range(1000)))
    assert (answer.status_code, answer.json()["member_count"], answer.json()["last_seq"]) == (201, 1001, 1001)


@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({"member_ids": ["user-ada"]}, ["/member_ids/0"]),
        ({"member_ids": ["user-bob", "user-bob"]}, ["/member_ids/1"]),
        ({"member_ids": ["nobody"]}, ["/member_ids/0"]),
        ({"member_ids": ["user-bob", "no body", "\x00"]}, ["/member_ids/1", "/member_ids/2"]),
        ({"member_ids": ["user-bob", "nobody", "someone@else"]}, ["/member_ids/1", "/member_ids/2"]),
        ({"member_ids": [f"user-{number}" for number in range(1001)]}, ["/member_ids"]),
        ({"title": " "}, ["/title"]),
        ({"title": "a\x00"}, ["/title"]),
        ({"title": "a\nb"}, ["/title"]),
        ({"title": "\u200b\u2060"}, ["/title"]),
        ({"title": "\u202egpj.exe"}, ["/title"]),
        ({"title": "x" * 201}, ["/title"]),
        ({"avatar": "picture"}, ["/avatar"]),
        ({"history": "some"}, ["/history"]),
        ({"kind": "secret"}, ["/kind"]),
        ({"kind": "direct", "member_ids": ["user-bob"], "title": "We"}, ["/title"]),
    ],
)
async def test_a_wish_that_cannot_be_is_refused(people, wish, pointers) -> None:
    [ada] = await people("ada")
    answer = await ada.request("POST", "/v1/conversations", json={"kind": "group"} | wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert (await ada.get("/v1/conversations")).json()["items"] == []


async def test_a_lone_surrogate_is_no_title(people) -> None:
    [ada] = await people("ada")
    body, headers = b'{"kind": "group", "title": "\\ud800"}', ada.headers | {"Content-Type": "application/json"}
    answer = await ada.client.post("/v1/conversations", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_a_group_is_as_large_as_the_settings_allow(settings, callers) -> None:
    small = settings.model_copy(update={"group_members": 3})
    async with client_of(create(small), **await callers.user("ada")) as client:
        for size, status in ((2, 201), (3, 422)):
            body = {"kind": "group", "member_ids": [f"user-{number}" for number in range(size)]}
            assert (await client.post("/v1/conversations", json=body)).status_code == status


@pytest.mark.parametrize("kind", ["direct", "group"])
async def test_who_blocks_the_caller_is_not_brought_in(people, blocks, kind) -> None:
    ada, bob = await people("ada", "bob")
    await blocks.block(bob, ada)
    answer = await begin(ada, bob, kind=kind)
    assert (answer.status_code, answer.json()["detail"]) == (403, "This person does not accept messages.")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/member_ids/0"]
    assert (await bob.get("/v1/conversations")).json()["items"] == []


async def test_whom_the_caller_blocks_is_not_brought_in(people, blocks) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    await blocks.block(ada, cleo)
    answer = await begin(ada, bob, cleo)
    assert (answer.status_code, answer.json()["detail"]) == (403, "You have blocked this person.")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/member_ids/1"]


async def test_a_direct_conversation_that_is_there_is_shown_across_a_block(people, blocks) -> None:
    ada, bob = await people("ada", "bob")
    first = (await ada.begin(bob)).json()["id"]
    await blocks.block(bob, ada)
    again = await ada.begin(bob)
    assert (again.status_code, again.json()["id"]) == (200, first)


async def test_a_block_that_comes_with_the_beginning_holds(people, blocks) -> None:
    pairs = [await people(f"ada{number}", f"bob{number}") for number in range(10)]

    async def story(ada, bob) -> None:
        answer, _ = await asyncio.gather(ada.begin(bob), blocks.block(bob, ada))
        if answer.status_code == 201:
            assert (await ada.send(answer.json()["id"], uuid4())).status_code == 403
        else:
            assert answer.status_code == 403

    await asyncio.gather(*(story(ada, bob) for ada, bob in pairs))


async def test_the_same_key_begins_one_group(people) -> None:
    ada, bob = await people("ada", "bob")
    first = await begin(ada, bob, title="We", key="one")
    again = await begin(ada, bob, title="We", key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotency-replay"] == "true"
    assert len((await ada.get("/v1/conversations")).json()["items"]) == 1


async def test_the_same_key_for_another_wish_is_refused(people) -> None:
    ada, bob = await people("ada", "bob")
    await begin(ada, bob, title="We", key="one")
    other = await begin(ada, bob, title="They", key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_many_with_one_key_at_once_begin_one_group(people) -> None:
    ada, bob = await people("ada", "bob")
    answers = await asyncio.gather(*(begin(ada, bob, key="one") for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len((await bob.get("/v1/conversations")).json()["items"]) == 1
