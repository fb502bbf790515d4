"""Which changes of an account its person hears of, from the request to the mail."""

import asyncio
import time
from uuid import uuid4

import pytest

from auth_service.recovery_codes.domain import totp
from messenger_contracts.events.auth import (
    IdentityLinked,
    PasswordChanged,
    PasswordReset,
    SessionStarted,
    SignInFailed,
)

PASSWORD, NEW = "correct horse battery", "tin whistle orchestra"
RESET_CODE = "654321"
"""The code that the emulator mails for every reset."""
ADDRESS, NETWORK = "203.0.113.7", "203.0.113.0/24"


@pytest.fixture
def subjects(notices, mails_of):
    """What a person was written to about, once all is sent."""

    async def read(person) -> list[str]:
        await notices.step()
        return [mail["Subject"] for mail in await mails_of(person)]

    return read


async def test_a_changed_password_is_told_of_once(signed_in, notices, mails_of, rows):
    signed_in.headers = {"x-client-address": ADDRESS}
    changed = await signed_in.post("password/change", old_password=PASSWORD, new_password=NEW)
    assert changed.status_code == 204
    await asyncio.gather(*(notices.step() for _ in range(4)))
    (mail,) = await mails_of(signed_in)
    assert (mail["Source"], mail["Subject"]) == ("no-reply@messenger.example", "Your Messenger password was changed")
    assert NETWORK in mail["BodyText"]
    assert ADDRESS not in mail["BodyText"]
    await notices.step()
    assert len(await mails_of(signed_in)) == 1
    assert await rows.marked(signed_in) == []


async def test_a_change_that_is_refused_is_no_news(signed_in, subjects):
    wrong = await signed_in.post("password/change", old_password="wrong horse battery", new_password=NEW)
    assert wrong.status_code == 422
    assert await subjects(signed_in) == []


async def test_a_reset_is_told_of_at_the_accounts_address_and_a_wrong_code_nowhere(member, somebody, subjects):
    stranger = somebody()
    flow = (await stranger.post("password/forgot", login=member.username)).json()["flow"]
    wrong = await stranger.post("password/reset", flow=flow, code="000000", new_password=NEW)
    assert wrong.status_code == 422
    assert await subjects(member) == []
    reset = await stranger.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)
    assert reset.status_code == 204
    assert await subjects(member) == ["Your Messenger password was reset"]
    assert await subjects(stranger) == []


async def test_what_happens_to_an_authenticator_is_told(signed_in, subjects):
    begun = (await signed_in.post("totp", password=PASSWORD)).json()
    verified = await signed_in.post("totp/verify", flow=begun["flow"], code=totp(begun["secret"], time.time()))
    assert await subjects(signed_in) == ["Authenticator switched on for your Messenger account"]

    device = signed_in.tokens["device_token"]
    flow = (await signed_in.sign_in(device_token=device)).json()["flow"]
    recovery = verified.json()["recovery_codes"][0]
    entered = await signed_in.post("sign-in/totp", flow=flow, code=recovery, device_token=device)
    assert entered.status_code == 200
    assert (await subjects(signed_in))[1:] == ["Recovery code used for your Messenger account"]

    proof = {"password": PASSWORD, "code": totp(begun["secret"], time.time())}
    assert (await signed_in.request("DELETE", "totp", **proof)).status_code == 204
    assert (await subjects(signed_in))[2:] == ["Authenticator switched off for your Messenger account"]


async def test_an_identity_elsewhere_that_is_linked_is_told_of(member, log, subjects, mails_of):
    await log.write(IdentityLinked(user_id=member.user_id, provider="SignInWithApple", network=NETWORK))
    assert await subjects(member) == ["New way to sign in to your Messenger account"]
    (mail,) = await mails_of(member)
    for said in ("Apple", NETWORK):
        assert said in mail["BodyText"]


async def test_what_is_no_news_is_logged_and_not_mailed(member, log, rows, subjects):
    started = SessionStarted(user_id=member.user_id, session_id="s", method="password", new_device=True)
    await log.write(started)
    await log.write(SignInFailed(login=log.pseudonym(member.username), method="password"))
    await log.write(IdentityLinked(user_id=member.user_id, provider="Kakao"), quietly=True)
    assert await rows.marked(member) == []
    assert await subjects(member) == []


async def test_who_is_gone_is_not_written_to(signed_in, log, notices, rows, mails_of, pool):
    await log.write(PasswordChanged(user_id=signed_in.user_id))
    assert len(await rows.marked(signed_in)) == 1
    await pool.delete(signed_in.user_id)
    await notices.step()
    assert await mails_of(signed_in) == []
    assert await rows.marked(signed_in) == []


async def test_an_address_that_nobody_has_verified_is_not_written_to(somebody, log, rows, subjects):
    waiting = somebody()
    assert (await waiting.sign_up()).status_code == 201
    await log.write(PasswordReset(user_id=waiting.user_id))
    assert await subjects(waiting) == []
    assert await rows.marked(waiting) == []


async def test_one_who_cannot_be_written_to_keeps_nobody_waiting(member, log, subjects):
    await log.write(PasswordChanged(user_id=str(uuid4())))
    await log.write(PasswordChanged(user_id=member.user_id))
    assert await subjects(member) == ["Your Messenger password was changed"]
