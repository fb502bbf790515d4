"""Signing up, as a client sees it."""

import asyncio

import httpx
import pytest

from auth_service.lockouts.domain import subject_of
from servicekit.aws import Aws
from servicekit.testing import REGION


@pytest.fixture
def mails_wait(valkey, settings):
    """Reads, and ends, the time that a sign-up's next mail has to wait."""

    async def end(person) -> int:
        key = f"{settings.resource_prefix}:tries:mail:{subject_of(f'verify {person.user_id}')}"
        until = int(await valkey.hget(key, "until"))
        await valkey.hset(key, "until", 0)
        return until

    return end


async def test_a_sign_up_is_verified_by_the_mailed_code(somebody, mails_to):
    person = somebody()
    answer = await person.sign_up(display_name=" Ada Byron ")
    assert answer.status_code == 201
    assert set(answer.json()) == {"user_id", "flow"}
    (mail,) = await mails_to(person.email)
    code = next(word.strip(".") for word in mail.split() if word.strip(".").isdigit())
    assert (await person.verify(code)).status_code == 204
    user = (await person.sign_in()).json()["user"]
    assert (user["id"], user["username"], user["display_name"]) == (person.user_id, person.username, "Ada Byron")


async def test_an_address_is_a_login_once_it_is_verified(somebody):
    person = somebody()
    await person.sign_up()
    assert (await person.sign_in(person.email)).status_code == 401
    await person.verify()
    assert (await person.sign_in(person.email.upper())).status_code == 200


async def test_the_right_code_for_a_taken_address_says_so_and_frees_the_username(member, somebody):
    stranger = somebody()
    await stranger.sign_up(email=member.email)
    answer = await stranger.verify()
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await stranger.get("username-available", username=stranger.username)).json()["available"]
    assert (await stranger.sign_in()).status_code == 401
    assert (await member.sign_in(member.email)).json()["user"]["id"] == member.user_id


async def test_a_taken_address_is_answered_like_any_other(member, somebody):
    stranger, newcomer = somebody(), somebody()
    taken = await stranger.sign_up(email=member.email)
    free = await newcomer.sign_up()
    assert taken.status_code == free.status_code == 201
    assert set(taken.json()) == set(free.json())
    assert stranger.user_id != member.user_id
    assert len(stranger.user_id) == len(newcomer.user_id)
    assert (await member.sign_in(member.email)).status_code == 200


async def test_a_taken_username_is_told(member, somebody):
    answer = await somebody().sign_up(username=member.username.upper())
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    available = await member.get("username-available", username=member.username)
    assert available.json() == {"username": member.username, "available": False}


async def test_a_free_username_is_told(somebody):
    person = somebody()
    answer = await person.get("username-available", username=person.username.upper())
    assert answer.json() == {"username": person.username, "available": True}


async def test_a_reserved_username_is_nobodys(somebody):
    person = somebody()
    assert (await person.get("username-available", username="admin")).json()["available"] is False
    assert (await person.sign_up(username="Admin")).status_code == 409


async def test_a_name_that_looks_like_a_reserved_one_is_nobodys(somebody):
    person = somebody()
    for username in ("adrnin", "supp0rt", "ad.min", "messenger.he1p", "team_support"):
        assert (await person.get("username-available", username=username)).json()["available"] is False
        assert (await person.sign_up(username=username)).status_code == 409


async def test_a_name_that_looks_like_somebodys_is_nobodys(member, somebody):
    assert "0" in member.username or "1" in member.username
    double = member.username.replace("0", "o").replace("1", "l")
    answer = await somebody().sign_up(username=double)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    available = await member.get("username-available", username=double)
    assert available.json() == {"username": double, "available": False}


async def test_of_two_look_alikes_at_once_one_is_given(somebody):
    people = [somebody() for _ in range(4)]
    stem = people[0].username
    names = [f"{stem}o", f"{stem}0", f"{stem}o", f"{stem}0"]
    answers = await asyncio.gather(*(one.sign_up(username=name) for one, name in zip(people, names, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_username_against_the_rules_is_pointed_at(somebody):
    person = somebody()
    asked = await person.get("username-available", username="a..b")
    assert (asked.status_code, asked.json()["errors"][0]["pointer"]) == (422, "query/username")
    signed_up = await person.sign_up(username="a..b")
    assert (signed_up.status_code, signed_up.json()["errors"][0]["pointer"]) == (422, "/username")


@pytest.mark.parametrize(
    "password", ["eleven long", "x" * 257, " begins with a space", "Password2024!!", "qwertyuiop123"]
)
async def test_a_password_against_the_rules_is_pointed_at_and_not_repeated(somebody, password):
    answer = await somebody().sign_up(password=password)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/password")
    assert password not in answer.text


async def test_a_password_that_the_account_gives_away_is_pointed_at(somebody):
    person = somebody()
    for password in (f"{person.username}!1", person.email, f"{person.username}{person.username}"):
        answer = await person.sign_up(password=password)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/password")


async def test_the_same_sign_up_again_is_the_same_account(somebody, mails_wait, mails_to):
    person = somebody()
    first = (await person.sign_up()).json()
    again = await person.sign_up()
    assert again.status_code == 201
    assert again.json()["user_id"] == first["user_id"]
    assert len(await mails_to(person.email)) == 1
    await mails_wait(person)
    await person.sign_up()
    assert len(await mails_to(person.email)) == 2
    assert (await person.verify()).status_code == 204


@pytest.mark.parametrize("change", [{"password": "another password"}, {"email": "other@example.com"}])
async def test_a_waiting_username_is_not_given_to_somebody_else(somebody, change):
    person = somebody()
    await person.sign_up()
    assert (await person.sign_up(**change)).status_code == 409


async def test_a_wrong_code_is_pointed_at(somebody):
    person = somebody()
    await person.sign_up()
    answer = await person.verify("000000")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/code")
    assert (await person.verify()).status_code == 204


async def test_verifying_twice_is_harmless(member):
    assert (await member.verify()).status_code == 204


async def test_resend_mails_another_code_after_a_while(somebody, mails_wait, mails_to):
    person = somebody()
    await person.sign_up()
    waits = []
    for mails in (2, 3, 4):
        refused = await person.post("verify-email/resend", flow=person.flow)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        waits.append(int(refused.headers["Retry-After"]))
        await mails_wait(person)
        assert (await person.post("verify-email/resend", flow=person.flow)).status_code == 204
        assert len(await mails_to(person.email)) == mails
    assert waits == [30, 60, 120]


async def test_wrong_codes_cost_more_and_more(somebody):
    person = somebody()
    await person.sign_up()
    assert [(await person.verify("000000")).status_code for _ in range(6)] == [422] * 5 + [429]
    refused = await person.verify()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")


async def test_a_token_for_another_purpose_is_no_flow(signed_in):
    answer = await signed_in.post("verify-email", flow=signed_in.tokens["refresh_token"], code="123456")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_request_that_nobody_signed_is_refused(client):
    answer = await client.get("/v1/auth/username-available", params={"username": "ada.byron"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_an_unknown_field_is_refused(somebody):
    assert (await somebody().sign_up(admin=True)).status_code == 422


async def test_other_services_are_told_who_has_an_id(client, callers, member, somebody):
    headers = await callers.headers(member.principal)
    unverified = somebody()
    await unverified.sign_up()

    async def ask(user_id: str) -> httpx.Response:
        return await client.get("/internal/people", params={"id": user_id}, headers=headers)

    assert (await ask(member.user_id)).json() == {"id": member.user_id, "username": member.username}
    assert (await ask(member.username)).status_code == 404
    assert (await ask(unverified.user_id)).status_code == 404
    assert (await ask("nobody")).status_code == 404


async def test_other_services_are_told_of_many_at_once(client, callers, member, somebody):
    headers = await callers.headers(member.principal)
    other, unverified = somebody(), somebody()
    for person in (other, unverified):
        await person.sign_up()
    await other.verify()
    ids = [other.user_id, "nobody", unverified.user_id, member.user_id, *(f"id-{number}" for number in range(96))]

    answer = await client.get("/internal/people", params={"id": ids}, headers=headers)

    known = [{"id": each.user_id, "username": each.username} for each in (other, member)]
    assert (answer.status_code, answer.json()) == (200, known)
    assert (await client.get("/internal/people", params={"id": ["nobody"] * 2}, headers=headers)).json() == []


@pytest.mark.parametrize("ids", [[], ["x"] * 101, ["", "x"], ["x" * 129]])
async def test_what_can_be_no_ids_is_refused(client, callers, member, ids):
    headers = await callers.headers(member.principal)
    assert (await client.get("/internal/people", params={"id": ids}, headers=headers)).status_code == 422


async def test_a_person_who_was_forgotten_is_known_again_when_asked_for_or_signed_in(client, callers, member, settings):
    headers = await callers.headers(member.principal)
    known = {"id": member.user_id, "username": member.username}
    async with Aws(REGION, aws_access_key_id="test", aws_secret_access_key="test") as root:
        dynamodb = await root.client("dynamodb")

        async def ask_after(remembering) -> tuple:
            key = {"user_id": {"S": member.user_id}}
            await dynamodb.delete_item(TableName=settings.resource("people"), Key=key)
            ask = [await client.get("/internal/people", params={"id": [member.user_id, "x"]}, headers=headers)]
            await remembering()
            ask += [await client.get("/internal/people", params={"id": [member.user_id, "x"]}, headers=headers)]
            return tuple(answer.json() for answer in ask)

        alone = client.get("/internal/people", params={"id": member.user_id}, headers=headers)
        assert await ask_after(lambda: alone) == ([], [known])
        assert await ask_after(member.sign_in) == ([], [known])
