"""Forgetting, replacing and changing a password, as a client sees it."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from auth_service.lockouts.domain import subject_of
from auth_service.passwords.domain import TOO_PERSONAL
from servicekit import tokens

RESET_CODE = "654321"
"""The code that the emulator mails for every reset."""
PASSWORD, NEW = "correct horse battery", "tin whistle orchestra"


@pytest.fixture
def forget(valkey, settings):
    """Asks for a reset, and gives its flow."""

    async def ask(person, login: str | None = None) -> str:
        answer = await person.post("password/forgot", login=login or person.username)
        assert answer.status_code == 202
        return answer.json()["flow"]

    return ask


async def test_a_forgotten_password_is_replaced_by_the_mailed_code(member, forget, mails_to):
    flow = await forget(member)
    assert RESET_CODE in (await mails_to(member.email))[-1]
    answer = await member.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)
    assert answer.status_code == 204
    assert (await member.sign_in()).status_code == 401
    assert (await member.sign_in(password=NEW)).status_code == 200


async def test_of_two_changes_at_once_one_hears_that_the_old_password_is_wrong(signed_in):
    changes = (signed_in.post("password/change", old_password=PASSWORD, new_password=f"{NEW} {n}") for n in range(2))
    done, late = sorted(await asyncio.gather(*changes), key=lambda answer: answer.status_code)
    assert (done.status_code, late.status_code) == (204, 422)
    assert late.json()["errors"] == [{"pointer": "/old_password", "detail": "is wrong"}]


async def test_a_password_is_the_same_on_every_device(somebody):
    person = somebody()
    assert (await person.sign_up(password="crème brûlée aux fraises")).status_code == 201
    await person.verify()
    typed = "cre\u0300me bru\u0302le\u0301e\u00a0aux fraises"
    assert (await person.sign_in(password=typed)).status_code == 200
    assert (await person.post("password/change", old_password=typed, new_password=NEW)).status_code == 204


@pytest.mark.parametrize("password", ["short", "x y" * 100])
async def test_how_long_a_password_must_be_is_said_in_words(somebody, password):
    (flaw,) = (await somebody().sign_up(password=password)).json()["errors"]
    assert flaw == {"pointer": "/password", "detail": "must have 12 to 256 characters"}


async def test_a_code_may_be_typed_as_it_is_shown(member, forget):
    flow = await forget(member)
    answer = await member.post("password/reset", flow=flow, code=" 654\u00a0\uff13\uff12\uff11", new_password=NEW)
    assert answer.status_code == 204


async def test_the_address_will_do(member, forget):
    flow = await forget(member, member.email.upper())
    assert (await member.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)).status_code == 204
    assert (await member.sign_in(password=NEW)).status_code == 200


async def test_forgot_says_the_same_of_nobody(member, somebody, monkeypatch):
    now = time.time()  # a flow has its end in it, of which not every moment has as many digits
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: now))
    known = await member.post("password/forgot", login=member.username)
    unknown = await member.post("password/forgot", login=somebody().username)
    assert known.status_code == unknown.status_code == 202
    assert set(known.json()) == set(unknown.json()) == {"flow"}
    assert len(known.json()["flow"]) == len(unknown.json()["flow"])


async def test_reset_says_the_same_of_nobody(member, somebody, forget):
    nobody = somebody()
    answers = []
    for person in (member, nobody):
        flow = await forget(person)
        answers.append(await person.post("password/reset", flow=flow, code="000000", new_password=NEW))
    known, unknown = (answer.json() | {"trace_id": ""} for answer in answers)
    assert known == unknown
    assert (known["status"], known["errors"][0]["pointer"]) == (422, "/code")


async def test_asking_again_too_soon_mails_nothing_and_tells_nothing(member, forget, mails_to):
    before = len(await mails_to(member.email))
    flows = [await forget(member) for _ in range(3)]
    assert len(await mails_to(member.email)) == before + 1
    answer = await member.post("password/reset", flow=flows[-1], code=RESET_CODE, new_password=NEW)
    assert answer.status_code == 204


async def test_a_reset_ends_all_sessions(signed_in, another_device, forget):
    other = await another_device(signed_in)
    flow = await forget(signed_in)
    await signed_in.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)
    for person in (signed_in, other):
        assert (await person.get("me")).status_code == 401
        assert (await person.refresh()).status_code == 401


async def test_the_same_reset_again_is_done_again(member, forget):
    flow = await forget(member)
    answers = [await member.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]


async def test_a_code_resets_once(member, forget):
    flow = await forget(member)
    await member.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)
    again = await member.post("password/reset", flow=flow, code=RESET_CODE, new_password="another tin whistle")
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (422, "/code")
    assert (await member.sign_in(password=NEW)).status_code == 200


async def test_wrong_reset_codes_cost_more_and_more_for_nobody_too(member, somebody, forget):
    for person in (member, somebody()):
        flow = await forget(person)
        wrong = {"flow": flow, "code": "000000", "new_password": NEW}
        answers = [await person.post("password/reset", **wrong) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [422] * 5 + [429]
        assert answers[-1].headers["Retry-After"] == "5"


async def test_a_reset_ends_the_lock_out_of_who_was_locked_out(member, forget):
    for _ in range(6):
        locked = await member.sign_in(password="wrong horse battery")
    assert locked.status_code == 429
    flow = await forget(member)
    await member.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)
    assert (await member.sign_in(password=NEW)).status_code == 200


@pytest.mark.parametrize("purpose", ["verification", "refresh"])
async def test_a_token_for_another_purpose_resets_nothing(signed_in, purpose):
    flow = signed_in.flow if purpose == "verification" else signed_in.tokens["refresh_token"]
    answer = await signed_in.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert (await signed_in.sign_in()).status_code == 200


@pytest.mark.parametrize("password", ["short", "password1234", " tin whistle orchestra"])
async def test_a_poor_password_uses_up_no_code(member, forget, password):
    flow = await forget(member)
    poor = await member.post("password/reset", flow=flow, code=RESET_CODE, new_password=password)
    assert (poor.status_code, poor.json()["errors"][0]["pointer"]) == (422, "/new_password")
    assert (await member.post("password/reset", flow=flow, code=RESET_CODE, new_password=NEW)).status_code == 204


async def test_the_login_is_no_password(member, forget):
    flow = await forget(member, member.email)
    answer = await member.post("password/reset", flow=flow, code=RESET_CODE, new_password=member.email)
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (422, TOO_PERSONAL)


async def test_a_change_ends_all_other_sessions(signed_in, another_device, member):
    other = await another_device(signed_in)
    answer = await signed_in.post("password/change", old_password="correct horse battery", new_password=NEW)
    assert answer.status_code == 204
    assert (await signed_in.get("me")).status_code == 200
    assert (await signed_in.refresh()).status_code == 200
    assert (await other.get("me")).status_code == 401
    assert (await other.refresh()).status_code == 401
    assert (await other.sign_in()).status_code == 401
    assert (await other.sign_in(password=NEW)).status_code == 200


async def test_a_change_takes_the_old_password_and_leaves_the_session_alone_without(signed_in, another_device):
    other = await another_device(signed_in)
    answer = await signed_in.post("password/change", old_password="wrong horse battery", new_password=NEW)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/old_password")
    for person in (signed_in, other):
        assert (await person.get("me")).status_code == 200
    assert (await signed_in.sign_in()).status_code == 200


async def test_a_change_to_what_the_account_gives_away_is_refused(signed_in):
    for password in (signed_in.email, f"{signed_in.username}123"):
        answer = await signed_in.post("password/change", old_password="correct horse battery", new_password=password)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/new_password")


async def test_guessing_the_old_password_in_an_open_session_is_slowed_down(signed_in):
    wrong = {"old_password": "wrong horse battery", "new_password": NEW}
    answers = [await signed_in.post("password/change", **wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]


async def test_a_change_and_a_reset_are_logged(signed_in, forget, stubbed_log):
    await signed_in.post("password/change", old_password="correct horse battery", new_password=NEW)
    flow = await forget(signed_in)
    await signed_in.post("password/reset", flow=flow, code=RESET_CODE, new_password="another tin whistle")
    logged = [one.type for one in await stubbed_log.of(signed_in.user_id, None, 50)]
    assert [kind for kind in logged if "password" in kind] == ["auth.password.reset.v1", "auth.password.changed.v1"]


async def test_a_change_needs_a_session(member):
    answer = await member.post("password/change", old_password="correct horse battery", new_password=NEW)
    assert answer.status_code == 401


async def test_no_login_is_kept_in_clear(member, forget, valkey, settings):
    await forget(member, member.email)
    keys = [key.decode() async for key in valkey.scan_iter(f"{settings.resource_prefix}:tries:*")]
    assert f"{settings.resource_prefix}:tries:mail:{subject_of(f'reset {member.email}')}" in keys
    assert not [key for key in keys if member.username in key]
