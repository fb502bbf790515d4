"""Invites: made and revoked by those who look after a group, and good as often as they say, over HTTP."""

import asyncio
from uuid import uuid4

import pytest

from chat_service.main import create
from servicekit.testing import client_of


async def make(who, conversation: str, key: str | None = None, **wish):
    headers = who.headers | ({"Idempotency-Key": key} if key else {})
    return await who.client.post(f"/v1/conversations/{conversation}/invites", json=wish, headers=headers)


async def code_of(who, conversation: str, **wish) -> str:
    answer = await make(who, conversation, **wish)
    assert answer.status_code == 201, answer.text
    return answer.json()["code"]


async def accept(who, code: str):
    return await who.request("POST", f"/v1/invites/{code}/accept")


async def accepted(who, code: str):
    """The answer to somebody who asks again where so many ask at once that there is no connection for all."""
    while (answer := await accept(who, code)).status_code == 503:
        pass
    return answer


async def codes(who, conversation: str) -> list[str]:
    answer = await who.get(f"/v1/conversations/{conversation}/invites")
    return [invite["code"] for invite in answer.json()["items"]]


async def test_who_accepts_an_invite_is_a_member(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    await ada.send(c, uuid4(), "before")
    joined = await accept(bob, await code_of(ada, c))
    assert (joined.status_code, joined.json()["id"], joined.json()["role"]) == (200, c, "member")
    assert (joined.json()["member_count"], joined.json()["unread"], joined.json()["last_message"]) == (2, 0, None)
    [event] = (await ada.get(f"/v1/conversations/{c}/events", after_seq=2)).json()["items"]
    assert (event["type"], event["by"], event["data"]["user_id"]) == ("member.joined", bob.id, bob.id)


async def test_an_invite_says_how_long_and_how_often_it_is_good(people, group_of) -> None:
    [ada] = await people("ada")
    c = await group_of(ada)
    invite = (await make(ada, c, expires_in=60, max_uses=2)).json()
    assert (invite["conversation_id"], invite["created_by"]) == (c, ada.id)
    assert (invite["max_uses"], invite["uses"], len(invite["code"])) == (2, 0, 22)
    assert invite["created_at"] < invite["expires_at"]
    bodiless = await ada.request("POST", f"/v1/conversations/{c}/invites")
    assert (bodiless.status_code, bodiless.json()["expires_at"], bodiless.json()["max_uses"]) == (201, None, None)


@pytest.mark.parametrize("wish", [{"expires_in": 59}, {"expires_in": 10**12}, {"max_uses": 0}, {"max_uses": 10**30}])
async def test_an_invite_that_cannot_be_is_refused(people, group_of, wish) -> None:
    [ada] = await people("ada")
    answer = await make(ada, await group_of(ada), **wish)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(wish))}")


async def test_only_who_looks_after_a_group_invites_to_it(people, group_of) -> None:
    ada, bob, eve = await people("ada", "bob", "eve")
    c = await group_of(ada, bob)
    code = await code_of(ada, c)
    path = f"/v1/conversations/{c}/invites"
    for who, status in ((bob, 403), (eve, 404)):
        assert (await make(who, c)).status_code == status
        assert (await who.get(path)).status_code == status
        assert (await who.request("DELETE", f"{path}/{code}")).status_code == status
    assert await codes(ada, c) == [code]


async def test_nobody_is_invited_to_a_direct_conversation(talk) -> None:
    ada, _, c = talk
    assert (await make(ada, c)).status_code == 403
    assert (await ada.get(f"/v1/conversations/{c}/invites")).status_code == 403


async def test_invites_are_listed_newest_first_without_those_that_ended(people, group_of, sql) -> None:
    [ada] = await people("ada")
    c = await group_of(ada)
    first, expired, revoked, last = [await code_of(ada, c, expires_in=600) for _ in range(4)]
    await sql("UPDATE invites SET expires_at = now() WHERE code = $1", expired)
    await sql("UPDATE invites SET created_at = created_at - interval '1 hour' WHERE code = $1", first)
    await ada.request("DELETE", f"/v1/conversations/{c}/invites/{revoked}")
    page = await ada.get(f"/v1/conversations/{c}/invites", limit=1)
    assert [invite["code"] for invite in page.json()["items"]] == [last]
    rest = (await ada.get(page.links["next"]["url"])).json()
    assert ([invite["code"] for invite in rest["items"]], rest["next"]) == ([first], None)


async def test_to_accept_again_is_harmless_and_uses_nothing_up(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada)
    code = await code_of(ada, c, max_uses=1)
    answers = [await accept(bob, code) for _ in range(3)] + [await accept(ada, code)]
    assert [answer.status_code for answer in answers] == [200] * 4
    [invite] = (await ada.get(f"/v1/conversations/{c}/invites")).json()["items"]
    assert invite["uses"] == 1
    assert (await ada.get(f"/v1/conversations/{c}")).json()["last_seq"] == 2


async def test_every_invite_that_is_not_good_is_answered_alike(people, group_of, sql) -> None:
    ada, bob, cleo = await people("ada", "bob", "cleo")
    c, gone = await group_of(ada), await group_of(ada)
    used, expired, revoked, ended = [
        await code_of(ada, conversation, max_uses=1, expires_in=600) for conversation in (c, c, c, gone)
    ]
    await accept(cleo, used)
    await sql("UPDATE invites SET expires_at = now() WHERE code = $1", expired)
    assert (await ada.request("DELETE", f"/v1/conversations/{c}/invites/{revoked}")).status_code == 204
    await ada.request("DELETE", f"/v1/conversations/{gone}")
    unknown = "A" * 22
    answers = [await accept(bob, code) for code in (used, expired, revoked, ended, unknown, "x", "%00", "%ED%A0%80")]
    assert {answer.status_code for answer in answers} == {404}
    assert {(answer.json()["code"], answer.json()["detail"]) for answer in answers} == {
        ("not_found", "This invite does not exist, or is no longer good.")
    }
    assert (await bob.get("/v1/conversations")).json()["items"] == []


async def test_an_invite_that_is_not_good_does_not_tell_that_the_group_is_full(settings, callers) -> None:
    small = settings.model_copy(update={"group_members": 1})
    async with client_of(create(small)) as client:
        ada, bob = await callers.user("ada"), await callers.user("bob")
        group = (await client.post("/v1/conversations", json={"kind": "group"}, headers=ada)).json()["id"]
        path = f"/v1/conversations/{group}/invites"
        code = (await client.post(path, json={}, headers=ada)).json()["code"]
        assert (await client.post(f"/v1/invites/{code}/accept", headers=bob)).status_code == 409
        [invite] = (await client.get(path, headers=ada)).json()["items"]
        assert invite["uses"] == 0
        await client.delete(f"{path}/{code}", headers=ada)
        assert (await client.post(f"/v1/invites/{code}/accept", headers=bob)).status_code == 404


async def test_revoking_is_harmless_twice_and_knows_its_group(people, group_of) -> None:
    [ada] = await people("ada")
    c, other = await group_of(ada), await group_of(ada)
    code = await code_of(ada, c)
    path = f"/v1/conversations/{{}}/invites/{code}"
    assert (await ada.request("DELETE", path.format(other))).status_code == 404
    assert [(await ada.request("DELETE", path.format(c))).status_code for _ in range(2)] == [204, 204]
    assert (await ada.request("DELETE", f"/v1/conversations/{c}/invites/nothing")).status_code == 404


async def test_the_same_key_makes_one_invite(people, group_of) -> None:
    [ada] = await people("ada")
    c = await group_of(ada)
    first, again = [await make(ada, c, key="one", max_uses=3) for _ in range(2)]
    assert first.json() == again.json()
    assert again.headers["idempotency-replay"] == "true"
    assert (await make(ada, c, key="one", max_uses=4)).json()["code"] == "idempotency_mismatch"
    assert (await make(ada, await group_of(ada), key="one", max_uses=3)).json()["code"] == "idempotency_mismatch"
    assert len(await codes(ada, c)) == 1


async def test_a_group_has_at_most_a_hundred_good_invites(people, group_of, sql) -> None:
    [ada] = await people("ada")
    c = await group_of(ada)
    code = await code_of(ada, c)
    await sql(
        """INSERT INTO invites (code, conversation_id, created_by, created_at)
           SELECT 'code-' || n, $1, 'user-ada', now() FROM generate_series(1, 98) AS n""",
        c,
    )
    answers = await asyncio.gather(*(make(ada, c) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    await ada.request("DELETE", f"/v1/conversations/{c}/invites/{code}")
    assert (await make(ada, c)).status_code == 201


async def test_who_left_may_come_back_by_an_invite(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    code = await code_of(ada, c)
    await bob.request("DELETE", f"/v1/conversations/{c}/members/{bob.id}")
    assert (await accept(bob, code)).json()["member_count"] == 2


async def test_who_was_removed_comes_back_by_no_invite_until_an_admin_says_so(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    code, member = await code_of(ada, c, max_uses=1), f"/v1/conversations/{c}/members/{bob.id}"
    await ada.request("DELETE", member)
    answer = await accept(bob, code)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await bob.get("/v1/conversations")).json()["items"] == []
    [invite] = (await ada.get(f"/v1/conversations/{c}/invites")).json()["items"]
    assert (invite["uses"], (await ada.get(f"/v1/conversations/{c}")).json()["last_seq"]) == (0, 3)
    assert (await ada.request("PUT", member)).status_code == 201
    await bob.request("DELETE", member)
    assert (await accept(bob, code)).status_code == 200


async def test_who_was_removed_does_not_learn_more_of_an_invite_that_is_not_good(people, group_of) -> None:
    ada, bob = await people("ada", "bob")
    c = await group_of(ada, bob)
    code = await code_of(ada, c)
    await ada.request("DELETE", f"/v1/conversations/{c}/members/{bob.id}")
    await ada.request("DELETE", f"/v1/conversations/{c}/invites/{code}")
    assert (await accept(bob, code)).status_code == 404


async def test_an_invite_is_used_exactly_as_often_as_it_says(people, group_of) -> None:
    ada, *crowd = await people("ada", *(f"p{number}" for number in range(20)))
    c = await group_of(ada)
    code = await code_of(ada, c, max_uses=7)
    answers = await asyncio.gather(*(accepted(who, code) for who in crowd for _ in range(2)))
    assert [answer.status_code for answer in answers].count(200) == 14
    assert {answer.status_code for answer in answers} == {200, 404}
    [invite] = (await ada.get(f"/v1/conversations/{c}/invites")).json()["items"]
    shown = (await ada.get(f"/v1/conversations/{c}")).json()
    assert (invite["uses"], shown["member_count"], shown["last_seq"]) == (7, 8, 8)


async def test_what_is_revoked_while_people_come_in_lets_no_more_in_than_it_counts(people, group_of, sql) -> None:
    ada, *crowd = await people("ada", *(f"p{number}" for number in range(12)))
    c = await group_of(ada)
    code = await code_of(ada, c)
    revoke = ada.request("DELETE", f"/v1/conversations/{c}/invites/{code}")
    *answers, revoked = await asyncio.gather(*(accept(who, code) for who in crowd), revoke)
    assert revoked.status_code == 204
    [row] = await sql("SELECT uses FROM invites WHERE code = $1", code)
    assert row["uses"] == [answer.status_code for answer in answers].count(200)
    assert (await ada.get(f"/v1/conversations/{c}")).json()["member_count"] == 1 + row["uses"]
