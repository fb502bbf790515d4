"""Signing in, staying signed in and signing out, as a client sees it."""

import asyncio
import time

import httpx
import pytest

from auth_service.sessions.domain import GRACE_SECONDS
from messenger_contracts.realtime import SessionEnded, revoked_sessions_key, sessions_channel
from servicekit.dynamodb import from_item, to_item
from servicekit.keys import key_ring
from servicekit.testing import eventually
from servicekit.tokens import Tokens


def comparable(answer: httpx.Response) -> dict[str, object]:
    """A problem without what differs from request to request."""
    return answer.json() | {"trace_id": ""}


@pytest.fixture
async def row(aws, settings):
    """Reads the row of a person's session."""
    dynamodb = await aws.client("dynamodb")

    async def read(person):
        key = to_item({"user_id": person.principal.user_id, "session_id": person.principal.session_id})
        return from_item((await dynamodb.get_item(TableName=settings.resource("sessions"), Key=key))["Item"])

    return read


@pytest.fixture
async def last_refresh(aws, settings):
    """Moves a session's last refresh into the past."""
    dynamodb = await aws.client("dynamodb")

    async def move(person, seconds: int) -> None:
        await dynamodb.update_item(
            TableName=settings.resource("sessions"),
            Key=to_item({"user_id": person.principal.user_id, "session_id": person.principal.session_id}),
            UpdateExpression="SET rotated_at = rotated_at - :seconds",
            ExpressionAttributeValues=to_item({":seconds": seconds}),
        )

    return move


async def assert_over(person) -> None:
    answer = await person.get("me")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_gateway_reads_the_session_in_the_access_token(signed_in):
    token = await signed_in.access_token()
    assert token.user_id == signed_in.tokens["user"]["id"] == signed_in.user_id
    assert token.username == signed_in.username
    assert token.session_id == signed_in.tokens["session_id"]
    assert 0 < token.expires_at - time.time() <= signed_in.tokens["expires_in"] == 900


async def test_a_wrong_password_and_an_unknown_account_answer_the_same(member, somebody):
    wrong = await member.sign_in(password="wrong horse battery")
    by_address = await member.sign_in(member.email, password="wrong horse battery")
    unknown = await somebody().sign_in()
    assert wrong.status_code == 401
    assert comparable(wrong) == comparable(by_address) == comparable(unknown)


async def test_an_unverified_account_is_told_only_to_who_has_the_password(somebody):
    person = somebody()
    await person.sign_up()
    right, wrong = await person.sign_in(), await person.sign_in(password="wrong horse battery")
    assert (right.status_code, right.json()["code"]) == (403, "forbidden")
    assert "Verify" in right.json()["detail"]
    assert comparable(wrong) == comparable(await somebody().sign_in())


async def test_an_id_which_everybody_may_know_is_no_login(member):
    answer = await member.sign_in(member.user_id)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    flow = (await member.post("password/forgot", login=member.user_id)).json()["flow"]
    reset = await member.post("password/reset", flow=flow, code="654321", new_password="tin whistle orchestra")
    assert reset.status_code == 422


async def test_logins_ignore_case(member):
    assert (await member.sign_in(f" {member.username.upper()} ")).status_code == 200


async def test_the_row_names_the_device_and_holds_no_token_in_clear(signed_in, row):
    kept = await row(signed_in)
    assert kept["device_name"] == "phone"
    assert kept["sealed_token"].startswith("v4.local.")
    assert not [value for value in kept.values() if str(value).startswith("ey")]


async def test_refresh_keeps_the_session_and_replaces_the_token(signed_in, verifier):
    answer = (await signed_in.refresh()).json()
    token = await verifier.verify(answer["access_token"])
    assert token.session_id == signed_in.tokens["session_id"] == answer["session_id"]
    assert answer["access_token"] != signed_in.tokens["access_token"]
    assert answer["refresh_token"] != signed_in.tokens["refresh_token"]
    assert (await signed_in.refresh(answer["refresh_token"])).status_code == 200


async def test_a_lost_answer_signs_nobody_out(signed_in):
    await signed_in.refresh()
    again = await signed_in.refresh()
    assert again.status_code == 200
    assert (await signed_in.refresh(again.json()["refresh_token"])).status_code == 200


async def test_a_token_two_generations_old_ends_the_session(signed_in):
    second = (await signed_in.refresh()).json()["refresh_token"]
    third = (await signed_in.refresh(second)).json()["refresh_token"]
    assert (await signed_in.refresh()).status_code == 401
    assert (await signed_in.refresh(third)).status_code == 401
    await assert_over(signed_in)


async def test_the_replaced_token_ends_the_session_after_its_grace(signed_in, last_refresh):
    second = (await signed_in.refresh()).json()["refresh_token"]
    await last_refresh(signed_in, GRACE_SECONDS + 1)
    assert (await signed_in.refresh()).status_code == 401
    assert (await signed_in.refresh(second)).status_code == 401


async def test_a_replay_is_announced(signed_in, valkey, settings):
    await signed_in.refresh((await signed_in.refresh()).json()["refresh_token"])
    await signed_in.refresh()
    revoked = revoked_sessions_key(settings.resource_prefix)
    assert await valkey.zscore(revoked, signed_in.principal.session_id)


async def test_refreshes_at_once_all_succeed_into_one_generation(signed_in, row):
    answers = await asyncio.gather(*(signed_in.refresh() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await row(signed_in))["generation"] == 2
    following = await asyncio.gather(*(signed_in.refresh(answer.json()["refresh_token"]) for answer in answers))
    assert {answer.status_code for answer in following} == {200}
    assert (await row(signed_in))["generation"] == 3


async def test_a_sign_out_during_refreshes_wins(signed_in):
    answers = await asyncio.gather(
        *(signed_in.refresh() for _ in range(5)), signed_in.post("sign-out"), *(signed_in.refresh() for _ in range(5))
    )
    assert {answer.status_code for answer in answers} <= {200, 204, 401}
    for answer in answers:
        if answer.status_code == 200:
            assert (await signed_in.refresh(answer.json()["refresh_token"])).status_code == 401


async def test_a_session_that_cognito_ended_is_over(signed_in, aws, settings, row):
    cognito = await aws.client("cognito-idp")
    await cognito.admin_user_global_sign_out(UserPoolId=settings.user_pool_id, Username=signed_in.username)
    assert (await signed_in.refresh()).status_code == 401
    assert "ended_at" in await row(signed_in)


@pytest.mark.parametrize("token", ["nonsense", "v4.local.AAAA", "eyJhbGciOiJub25lIn0.e30."])
async def test_a_foreign_refresh_token_is_refused(signed_in, token):
    answer = await signed_in.refresh(token)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_me_is_the_person_of_the_session(signed_in):
    me = (await signed_in.get("me")).json()
    assert me["user"] == signed_in.tokens["user"]
    assert (me["email"], me["totp"]) == (signed_in.email, False)
    assert me["session_id"] == signed_in.principal.session_id
    assert me["expires_at"].endswith("Z")


async def test_me_is_for_people_who_are_signed_in(somebody):
    assert (await somebody().get("me")).status_code == 401


async def test_sign_out_ends_the_session_and_tells_the_gateways(signed_in, valkey, settings, row):
    token = await signed_in.access_token()
    async with valkey.pubsub(ignore_subscribe_messages=True) as gateway:
        await gateway.subscribe(sessions_channel(settings.resource_prefix))
        await eventually(lambda: _subscribed(valkey, settings))
        assert (await signed_in.post("sign-out")).status_code == 204
        message = await eventually(lambda: gateway.get_message(timeout=0.1))
    told = SessionEnded(user_id=token.user_id, session_id=token.session_id, until=token.expires_at)
    assert SessionEnded.model_validate_json(message["data"]) == told
    assert await valkey.zscore(revoked_sessions_key(settings.resource_prefix), token.session_id) == token.expires_at
    assert (await signed_in.refresh()).status_code == 401
    await assert_over(signed_in)
    kept = await row(signed_in)
    assert kept.keys().isdisjoint({"sealed_token", "unannounced"})


async def _subscribed(valkey, settings) -> int:
    ((_, count),) = await valkey.pubsub_numsub(sessions_channel(settings.resource_prefix))
    return count


async def test_signing_out_twice_is_harmless(signed_in):
    await signed_in.post("sign-out")
    assert (await signed_in.post("sign-out", everywhere=False)).status_code == 204


async def test_sign_out_leaves_other_devices_alone(signed_in, another_device):
    other = await another_device(signed_in)
    await signed_in.post("sign-out")
    assert (await other.refresh()).status_code == 200


async def test_sign_out_everywhere_ends_every_device(signed_in, another_device, valkey, settings):
    other = await another_device(signed_in)
    assert (await signed_in.post("sign-out", everywhere=True)).status_code == 204
    for device in (signed_in, other):
        assert (await device.refresh()).status_code == 401
        await assert_over(device)
        assert await valkey.zscore(revoked_sessions_key(settings.resource_prefix), device.principal.session_id)


async def test_a_ticket_is_what_the_gateway_redeems(signed_in, aws, settings):
    answer = (await signed_in.post("realtime-ticket")).json()
    tickets = Tokens(await key_ring(aws, settings.resource("realtime-ticket")), "realtime_ticket")
    claims = await tickets.read(answer["ticket"])
    token = await signed_in.access_token()
    assert answer["expires_in"] == 30 >= claims["exp"] - time.time() > 25
    assert (claims["user_id"], claims["username"]) == (token.user_id, token.username)
    assert (claims["session_id"], claims["access_expires_at"]) == (token.session_id, token.expires_at)
    again = await tickets.read((await signed_in.post("realtime-ticket")).json()["ticket"])
    assert again["jti"] != claims["jti"]


async def test_an_ended_session_gets_no_ticket(signed_in):
    await signed_in.post("sign-out")
    assert (await signed_in.post("realtime-ticket")).status_code == 401
