"""Authenticators, as a client sees them. What Cognito refuses and the emulator does not: `challenges`."""

import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from auth_service.recovery_codes.domain import HOW_MANY, totp

PASSWORD = "correct horse battery"
WRONG = "000000"


class Authenticator:
    """A person's authenticator: shows codes."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    @property
    def code(self) -> str:
        return totp(self.secret, time.time())

    @property
    def wrong(self) -> str:
        """A code that is not due now, nor a minute from now."""
        near = {totp(self.secret, time.time() + 30 * step) for step in range(-3, 4)}
        return next(
            code
            for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
            if code not in near
        )


async def delete(person, **body: object) -> httpx.Response:
    headers = await person._callers.headers(person.principal)
    return await person._client.request("DELETE", "/v1/auth/totp", json=body, headers=headers)


@pytest.fixture
def set_up():
    """Gives a signed-in person an authenticator, and their recovery codes."""

    async def do(person, **proof: str) -> tuple[Authenticator, list[str]]:
        begun = (await person.post("totp", password=PASSWORD, **proof)).json()
        authenticator = Authenticator(begun["secret"])
        answer = await person.post("totp/verify", flow=begun["flow"], code=authenticator.code)
        assert answer.status_code == 200, answer.text
        return authenticator, answer.json()["recovery_codes"]

    return do


@pytest.fixture
async def secured(signed_in, set_up):
    """A signed-in person with an authenticator and recovery codes."""
    signed_in.authenticator, signed_in.recovery_codes = await set_up(signed_in)
    return signed_in


async def challenge(person) -> str:
    answer = await person.sign_in()
    assert answer.status_code == 202
    assert answer.json()["challenge"] == "totp"
    return answer.json()["flow"]


async def test_an_authenticator_is_set_up(signed_in):
    answer = await signed_in.post("totp", password=PASSWORD)
    begun = answer.json()
    uri = urlsplit(begun["uri"])
    assert answer.status_code == 200
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", f"/Messenger:{signed_in.username}")
    assert parse_qs(uri.query)["secret"] == [begun["secret"]]
    verified = await signed_in.post("totp/verify", flow=begun["flow"], code=Authenticator(begun["secret"]).code)
    assert len(set(verified.json()["recovery_codes"])) == HOW_MANY
    assert (await signed_in.get("me")).json()["totp"] is True


async def test_a_code_is_of_the_secret_that_its_flow_began_with(signed_in):
    """Of two windows: the recovery codes of the one would have opened the other's secret, which is none any more."""
    first, second = [(await signed_in.post("totp", password=PASSWORD)).json() for _ in range(2)]
    answer = await signed_in.post("totp/verify", flow=first["flow"], code=Authenticator(second["secret"]).code)
    assert answer.status_code == 422
    answer = await signed_in.post("totp/verify", flow=second["flow"], code=Authenticator(second["secret"]).code)
    assert answer.status_code == 200


async def test_nothing_is_asked_for_before_the_first_code(signed_in):
    begun = (await signed_in.post("totp", password=PASSWORD)).json()
    wrong = await signed_in.post("totp/verify", flow=begun["flow"], code=Authenticator(begun["secret"]).wrong)
    assert "authenticator" in wrong.json()["errors"][0]["detail"]
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/code")
    assert (await signed_in.sign_in()).status_code == 200


async def test_a_sign_in_takes_the_code_too(secured):
    flow = await challenge(secured)
    answer = await secured.post("sign-in/totp", flow=flow, code=secured.authenticator.code)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == secured.user_id
    assert answer.json()["refresh_token"]
    secured.tokens = answer.json()
    assert (await secured.refresh()).status_code == 200


async def test_a_challenge_for_the_old_password_is_no_session_after_the_change(secured):
    flow = await challenge(secured)
    changed = await secured.post("password/change", old_password=PASSWORD, new_password="tin whistle orchestra")
    assert changed.status_code == 204
    late = await secured.post("sign-in/totp", flow=flow, code=secured.authenticator.code)
    assert (late.status_code, late.json()["code"]) == (401, "unauthenticated")
    assert [each["id"] for each in (await secured.get("sessions")).json()["items"]] == [secured.principal.session_id]


async def test_the_login_may_be_the_address(secured):
    answer = await secured.sign_in(secured.email)
    flow = answer.json()["flow"]
    assert (await secured.post("sign-in/totp", flow=flow, code=secured.authenticator.code)).status_code == 200


async def test_a_challenge_is_no_session(secured):
    answer = await secured.sign_in(session="cookie")
    assert answer.status_code == 202
    assert set(answer.json()) == {"challenge", "flow"}
    assert "set-cookie" not in answer.headers


async def test_the_wish_is_kept_through_the_challenge(secured):
    answer = await secured.sign_in(session="cookie", device_name="laptop")
    answer = await secured.post("sign-in/totp", flow=answer.json()["flow"], code=secured.authenticator.code)
    assert answer.json()["access_token"] is None
    assert len(answer.headers.get_list("set-cookie")) == 2
    (session,) = [one for one in (await secured.get("sessions")).json()["items"] if not one["current"]]
    assert (session["session"], session["device_name"]) == ("cookie", "laptop")


async def test_a_wrong_password_is_answered_before_any_code(secured, somebody):
    wrong, unknown = await secured.sign_in(password="wrong horse battery"), await somebody().sign_in()
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() | {"trace_id": ""} == unknown.json() | {"trace_id": ""}


async def test_a_wrong_code_is_pointed_at_and_another_may_be_tried(secured):
    flow = await challenge(secured)
    wrong = await secured.post("sign-in/totp", flow=flow, code=secured.authenticator.wrong)
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/code")
    assert (await secured.post("sign-in/totp", flow=flow, code=secured.authenticator.code)).status_code == 200


async def test_wrong_codes_cost_more_and_more_whichever_challenge_they_answer(secured):
    wrong = secured.authenticator.wrong
    for _ in range(5):
        flow = await challenge(secured)
        assert (await secured.post("sign-in/totp", flow=flow, code=wrong)).status_code == 422
    flow = await challenge(secured)
    for code in (wrong, secured.authenticator.code, secured.recovery_codes[0]):
        refused = await secured.post("sign-in/totp", flow=flow, code=code)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")


async def test_a_recovery_code_signs_in_once(secured):
    code = secured.recovery_codes[0]
    first = await secured.post("sign-in/totp", flow=await challenge(secured), code=code.upper())
    again = await secured.post("sign-in/totp", flow=await challenge(secured), code=code)
    other = await secured.post("sign-in/totp", flow=await challenge(secured), code=secured.recovery_codes[1])
    assert (first.status_code, again.status_code, other.status_code) == (200, 422, 200)
    assert (await secured.sign_in()).status_code == 202  # the authenticator stays on


async def test_another_authenticator_takes_the_first_and_gives_new_codes(secured, set_up):
    assert (await secured.post("totp", password=PASSWORD)).json()["errors"][0]["pointer"] == "/code"
    old, old_codes = secured.authenticator, secured.recovery_codes
    new, new_codes = await set_up(secured, code=old.code)
    assert new.secret != old.secret
    flow = await challenge(secured)
    assert (await secured.post("sign-in/totp", flow=flow, code=old_codes[0])).status_code == 422
    assert (await secured.post("sign-in/totp", flow=flow, code=new_codes[0])).status_code == 200
    assert (await secured.post("sign-in/totp", flow=await challenge(secured), code=new.code)).status_code == 200


async def test_a_second_authenticator_that_is_not_verified_changes_nothing(secured):
    begun = await secured.post("totp", password=PASSWORD, code=secured.authenticator.code)
    assert begun.status_code == 200
    flow = await challenge(secured)
    assert (await secured.post("sign-in/totp", flow=flow, code=secured.authenticator.code)).status_code == 200


async def test_an_authenticator_is_taken_off_by_both_proofs(secured):
    code = secured.authenticator.code
    for proof in (
        {"password": "wrong horse battery", "code": code},
        {"password": PASSWORD, "code": "abcd-efgh-ijkl-mnop"},
    ):
        assert (await delete(secured, **proof)).status_code == 422
        assert (await secured.sign_in()).status_code == 202
    assert (await delete(secured, password=PASSWORD, code=code)).status_code == 204
    assert (await secured.sign_in()).status_code == 200


async def test_a_recovery_code_takes_a_lost_authenticator_off(secured):
    code = secured.recovery_codes[0]
    assert (await delete(secured, password=PASSWORD, code=code)).status_code == 204
    assert (await secured.sign_in()).status_code == 200


async def test_what_happens_to_an_authenticator_is_logged(secured, settings, aws, stubbed_log):
    await secured.post("sign-in/totp", flow=await challenge(secured), code=secured.authenticator.wrong)
    await secured.post("sign-in/totp", flow=await challenge(secured), code=secured.recovery_codes[0])
    await delete(secured, password=PASSWORD, code=secured.authenticator.code)
    logged = await stubbed_log.of(secured.user_id, None, 50)
    kinds = [one.type.removeprefix("auth.").removesuffix(".v1") for one in logged]
    assert [kind for kind in kinds if kind.startswith(("totp", "recovery"))] == [
        "totp.disabled",
        "recovery_code.used",
        "totp.enabled",
    ]
    (used,) = [one for one in logged if one.type == "auth.recovery_code.used.v1"]
    assert used.data["remaining"] == HOW_MANY - 1


async def test_there_must_be_one_to_take_off(signed_in):
    answer = await delete(signed_in, password=PASSWORD, code=WRONG)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/code")


async def test_an_open_session_alone_sets_nothing_up(signed_in):
    answer = await signed_in.post("totp", password="wrong horse battery")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/password")
    assert (await signed_in.post("totp")).status_code == 422


async def test_proofs_leave_no_sessions_behind(secured):
    await delete(secured, password=PASSWORD, code=secured.authenticator.code)
    assert len((await secured.get("sessions")).json()["items"]) == 1
    assert (await secured.get("me")).status_code == 200


@pytest.mark.parametrize("flow", ["verification", "refresh"])
async def test_a_token_for_another_purpose_answers_no_challenge(secured, flow):
    token = secured.flow if flow == "verification" else secured.tokens["refresh_token"]
    for path in ("sign-in/totp", "totp/verify"):
        answer = await secured.post(path, flow=token, code=secured.authenticator.code)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_nobody_verifies_with_anothers_flow(signed_in, somebody):
    begun = (await signed_in.post("totp", password=PASSWORD)).json()
    other = somebody()
    for step in (other.sign_up(), other.verify(), other.sign_in()):
        await step
    answer = await other.post("totp/verify", flow=begun["flow"], code=Authenticator(begun["secret"]).code)
    assert answer.status_code == 401


@pytest.mark.parametrize("code", ["12345", "1234567", "abcd", "abcd-efgh-ijkl-mno1", "'; DROP", ""])
async def test_what_can_be_no_code_is_refused_and_costs_nothing(secured, code):
    flow = await challenge(secured)
    for _ in range(6):
        answer = await secured.post("sign-in/totp", flow=flow, code=code)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/code")
    assert (await secured.post("sign-in/totp", flow=flow, code=secured.authenticator.code)).status_code == 200
