"""An account's troubles over the public address alone: a forgotten password, an authenticator, and the loss of it."""

import base64
import hashlib
import hmac
import struct
import time

import pytest

from messenger_contracts.problem import ErrorCode
from messengerctl.client import Client, Refused
from messengerctl.mailbox import await_mail, read_mail
from messengerctl.people import Person
from messengerctl.suite import Suite, until
from servicekit.testing import eventually

NEW = "tin whistle orchestra"


def shown(secret: str) -> str:
    """What an authenticator shows now (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


async def ask(client: Client, path: str, **body: object) -> dict[str, object]:
    """What somebody who is not signed in is answered."""
    answer = await client.request("POST", f"/v1/auth/{path}", json=body, signed=False)
    return answer.json() if answer.content else {}


async def sign_in(client: Client, person: Person, password: str) -> dict[str, object]:
    return await ask(client, "sign-in", login=person.username, password=password)


def changes_told(suite: Suite, person: Person) -> list[str]:
    """What a person was written to about, but codes and new devices."""
    mails = [mail for mail in read_mail(suite, person.email) if mail.text.startswith("Hello ")]
    return [mail.subject for mail in mails if not mail.subject.startswith("New sign-in")]


async def test_from_a_forgotten_password_to_a_recovery_code(suite, stranger, clients):
    mine = await clients.of(stranger)
    async with Client(suite.gateway) as nobody:
        asked_at = time.time()
        flow = (await ask(nobody, "password/forgot", login=stranger.email))["flow"]
        code = (await await_mail(suite, stranger.email, after=asked_at - 1)).code
        await ask(nobody, "password/reset", flow=flow, code=code, new_password=NEW)

        async def is_out() -> bool:
            try:
                await mine.request("GET", "/v1/auth/me")
            except Refused as refusal:
                return refusal.code == ErrorCode.UNAUTHENTICATED
            return False

        await eventually(is_out)
        with pytest.raises(Refused) as refusal:
            await sign_in(nobody, stranger, stranger.password)
        assert refusal.value.code == ErrorCode.UNAUTHENTICATED
        signed_in = await sign_in(nobody, stranger, NEW)

        bearer = {"authorization": f"Bearer {signed_in['access_token']}"}
        totp = {"signed": False, "headers": bearer}
        begun = (await nobody.request("POST", "/v1/auth/totp", json={"password": NEW}, **totp)).json()
        verify = {"flow": begun["flow"], "code": shown(begun["secret"])}
        codes = (await nobody.request("POST", "/v1/auth/totp/verify", json=verify, **totp)).json()["recovery_codes"]

        challenge = await sign_in(nobody, stranger, NEW)
        assert set(challenge) == {"challenge", "flow"}
        by_code = await ask(nobody, "sign-in/totp", flow=challenge["flow"], code=shown(begun["secret"]))
        assert by_code["user"]["id"] == stranger.user_id

        challenge = await sign_in(nobody, stranger, NEW)
        recovered = await ask(nobody, "sign-in/totp", flow=challenge["flow"], code=codes[0])
        assert recovered["user"]["id"] == stranger.user_id
        challenge = await sign_in(nobody, stranger, NEW)
        with pytest.raises(Refused) as refusal:
            await ask(nobody, "sign-in/totp", flow=challenge["flow"], code=codes[0])
        assert refusal.value.code == ErrorCode.VALIDATION_FAILED

        proof = {"password": NEW, "code": codes[1]}
        await nobody.request("DELETE", "/v1/auth/totp", json=proof, **totp)
        assert (await sign_in(nobody, stranger, NEW))["access_token"]
    told = [
        "Authenticator switched off for your Messenger account",
        "Authenticator switched on for your Messenger account",
        "Recovery code used for your Messenger account",
        "Recovery code used for your Messenger account",
        "Your Messenger password was reset",
    ]
    await until(lambda: sorted(changes_told(suite, stranger)) == told, "the mails about the changes did not come")


async def test_a_changed_password_ends_the_other_sessions_within_a_second(suite, stranger, clients):
    mine = await clients.of(stranger)
    async with Client(suite.gateway) as other:
        await other.sign_in(stranger.username, stranger.password)
        change = {"old_password": stranger.password, "new_password": NEW}
        await mine.request("POST", "/v1/auth/password/change", json=change)

        async def is_out() -> bool:
            try:
                await other.request("GET", "/v1/auth/me")
            except Refused as refusal:
                return refusal.code == ErrorCode.UNAUTHENTICATED
            return False

        await eventually(is_out, seconds=1)
    assert (await mine.request("GET", "/v1/auth/me")).is_success
    await until(lambda: changes_told(suite, stranger), "no mail about the change came")
    assert changes_told(suite, stranger) == ["Your Messenger password was changed"]


async def test_a_login_that_nobody_has_is_answered_as_one_that_somebody_has(suite, stranger):
    async with Client(suite.gateway) as nobody:
        answers = [await ask(nobody, "password/forgot", login=login) for login in (stranger.username, "nobody.at.all")]
    assert [set(answer) for answer in answers] == [{"flow"}] * 2
