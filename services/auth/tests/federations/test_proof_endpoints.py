"""Proving an address for which a provider does not vouch: by the mailed code, in the browser that came, and once."""

import asyncio
import logging
import re
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from servicekit.keys import key_ring
from servicekit.tokens import Tokens

TARGET = "http://127.0.0.1:8080/chats"


def new_subject() -> str:
    return secrets.token_hex(6)


def new_address() -> str:
    return f"{new_subject()}@facebook.example"


def wrong(code: str) -> str:
    """Another code than this."""
    return f"{(int(code) + 1) % 10**6:06}"


@pytest.fixture
def settings(settings):
    """Auth with Facebook on offer."""
    return settings.model_copy(update={"oidc_providers": [*settings.oidc_providers, "Facebook"]})


@pytest.fixture
def facebook(cognito, settings, provider):
    """Facebook at the pool: what it says is mapped as declared; for the emulator it speaks OpenID Connect."""
    declared = {"custom:federated_email": "email", "custom:federated_name": "name"}
    details = {"client_id": "m", "client_secret": "s", "oidc_issuer": provider, "authorize_scopes": "openid email"}
    try:
        cognito.create_identity_provider(
            UserPoolId=settings.user_pool_id,
            ProviderName="Facebook",
            ProviderType="OIDC",
            ProviderDetails={**details, "attributes_request_method": "GET"},
            AttributeMapping=declared,
        )
    except cognito.exceptions.DuplicateProviderException:
        return "facebook"
    return "facebook"


@pytest.fixture
def doubted(browser, somebody_at, codes_of):
    """Brings a browser back from a provider that does not vouch for an address; gives it, its last answer and code."""

    async def come(email: str, return_to: str = "/chats", provider: str = "kakao", **claims):
        window = browser()
        window.subject = await somebody_at(new_subject(), email=email, **claims)
        start = await window.start(return_to, provider)
        answer = await window.come_back(await window.vouch(start.headers["location"], window.subject))
        return window, answer, ((await codes_of(email.lower())) or [""])[-1]

    return come


@pytest.fixture
async def seals(aws, settings):
    """What seals proofs, or anything else with the same keys."""
    ring = await key_ring(aws, settings.resource("oidc"))
    return lambda purpose="oidc_proof": Tokens(ring, purpose)


async def go_on(window, answer):
    """Round by the provider once more, from the right code."""
    assert answer.status_code == 200, answer.text
    url = answer.json()["continue_url"]
    start = await window.ask(url.removeprefix("http://127.0.0.1:8080"))
    return await window.come_back(await window.vouch(start.headers["location"], window.subject))


def codes(*answers) -> list[tuple[int, str]]:
    return [(answer.status_code, answer.json()["code"]) for answer in answers]


@pytest.mark.parametrize("provider_name", ["kakao", "facebook"])
async def test_the_mailed_code_leads_to_the_account_of_the_address(
    doubted, facebook, member, session_of, log, provider_name
):
    window, answer, code = await doubted(member.email.upper(), "/chats?tab=1", provider_name, name="Mallory")
    assert answer.headers["location"] == f"{TARGET}?tab=1&proof=email"
    assert "session" not in window.cookies
    proved = await window.prove(code)
    assert proved.json() == {
        "continue_url": f"http://127.0.0.1:8080/v1/auth/oidc/{provider_name}/start"
        "?return_to=http%3A%2F%2F127.0.0.1%3A8080%2Fchats%3Ftab%3D1"
    }
    assert "session" not in window.cookies
    last = await go_on(window, proved)
    assert last.headers["location"] == f"{TARGET}?tab=1"
    assert (await session_of(window))["user_id"] == member.user_id
    linked = [each for each in await log.of(member.user_id, None, 10) if each.type == "auth.identity.linked.v1"]
    assert [each.data["provider"] for each in linked] == [provider_name.capitalize()]


async def test_an_address_without_an_account_gets_one(doubted, browser, session_of):
    window, _, code = await doubted(new_address(), nickname="Ada Byron")
    await go_on(window, await window.prove(code))
    session = await session_of(window)
    assert session["username"].startswith("ada.byron_")
    later = browser()
    answer = await later.sign_in(window.subject)
    assert answer.headers["location"] == TARGET
    assert (await session_of(later))["user_id"] == session["user_id"]


@pytest.mark.parametrize("claims", [{"email_verified": False}, {}, {"email_verified": "yes"}])
async def test_nothing_tells_whether_the_address_has_an_account(doubted, member, cognito, settings, codes_of, claims):
    told = []
    for email in (member.email, new_address()):
        window, answer, code = await doubted(email, **claims)
        refused = await window.prove(wrong(code))
        again = await window.send("/v1/auth/oidc/proof/resend")
        users = cognito.list_users(UserPoolId=settings.user_pool_id)["Users"]
        profiles = [user for user in users if user["Username"].endswith(f"_{window.subject}")]
        told.append(
            (answer.headers["location"], sorted(window.cookies), refused.json() | {"trace_id": ""}, again.status_code)
        )
        assert (profiles, len(code), refused.status_code) == ([], 6, 422)
    assert told[0] == told[1]
    assert told[0][0] == f"{TARGET}?proof=email"
    kept = cognito.admin_get_user(UserPoolId=settings.user_pool_id, Username=member.username)
    assert "identities" not in {attribute["Name"] for attribute in kept["UserAttributes"]}


async def test_the_mail_says_where_it_comes_from_and_nothing_that_a_stranger_chose(doubted, emulator_mails):
    email = new_address()
    await doubted(email, nickname="Click https://evil.example", name="Click https://evil.example")
    (mail,) = await emulator_mails(email)
    assert (mail["Source"], mail["Subject"]) == ("no-reply@messenger.example", "Your Messenger code")
    assert "Kakao" in mail["BodyText"]
    assert "10 minutes" in mail["BodyText"]
    assert "evil" not in mail["BodyText"]


@pytest.mark.parametrize("email", ["", "nobody", "a b@example.com", f"{'a' * 250}@example.com"])
async def test_without_an_address_that_can_be_mailed_nothing_begins(doubted, email):
    window, answer, _ = await doubted(email)
    assert answer.headers["location"] == f"{TARGET}?error=unverified"
    assert "proof" not in window.cookies


async def test_a_code_is_good_once(doubted):
    window, _, code = await doubted(new_address())
    kept = window.cookies["proof"]
    assert (await window.prove(code)).status_code == 200
    assert window.cookies["proof"] == ""
    gone = await window.prove(code)
    window.cookies["proof"] = kept
    replayed, resent = await window.prove(code), await window.send("/v1/auth/oidc/proof/resend")
    assert codes(gone, replayed, resent) == [(401, "unauthenticated")] * 3


async def test_of_two_at_once_one_goes_on(doubted):
    window, _, code = await doubted(new_address())
    answers = await asyncio.gather(*(window.prove(code) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


async def test_a_code_is_good_in_the_browser_that_came_from_the_provider(doubted, browser):
    (mine, _, code), (theirs, _, other) = await doubted(new_address()), await doubted(new_address())
    answers = [await browser().prove(code)]
    if code != other:
        answers += [await theirs.prove(code), await mine.prove(other)]
    assert [answer.status_code for answer in answers] == [401, 422, 422][: len(answers)]


async def test_a_cookie_that_is_none_of_ours_proves_nothing(doubted, seals):
    window, _, code = await doubted(new_address())
    good = window.cookies["proof"]
    claims = await seals().read(good)
    claims.pop("exp")
    middle = len(good) // 2
    bad = {
        "tampered": good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :],
        "another purpose": await seals("oidc_sign_in").make(claims, 60),
        "expired": await seals().make(claims, -1),
        "cut": good[:-10],
        "nonsense": "nonsense",
    }
    for what, cookie in bad.items():
        for path, body in (("proof", {"code": code}), ("proof/resend", {})):
            window.cookies["proof"] = cookie
            answer = await window.send(f"/v1/auth/oidc/{path}", **body)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), what
    window.cookies["proof"] = await seals().make(claims, 60)
    assert (await window.prove(code)).status_code == 200


async def test_a_proof_begins_no_sign_in(doubted):
    """The cookies are sealed with one key, each for its own purpose."""
    window, _, _ = await doubted(new_address())
    window.cookies["sign-in"] = window.cookies["proof"]
    assert (await window.ask("/v1/auth/oidc/callback", state="x", code="y")).status_code == 401


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666"])
async def test_what_is_no_code_is_not_tried(doubted, code):
    window, _, _ = await doubted(new_address())
    answer = await window.prove(code)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/code")


async def test_a_proof_bears_five_tries_and_no_waiting_gives_more(doubted, time_passes):
    email = new_address()
    window, _, code = await doubted(email)
    answers = [await window.prove(wrong(code)) for _ in range(6)]
    assert codes(*answers) == [(422, "validation_failed")] * 5 + [(429, "rate_limited")]
    assert answers[0].json()["errors"] == [{"pointer": "/code", "detail": "is not the code that we sent last"}]
    assert answers[5].headers["retry-after"] == "5"
    await time_passes(email)
    assert codes(await window.prove(code)) == [(409, "conflict")]


async def test_wrong_codes_count_for_the_address_in_every_browser(doubted, codes_of):
    email = new_address()
    windows = [(await doubted(email))[0] for _ in range(2)]
    (code,) = await codes_of(email)
    answers = [await window.prove(wrong(code)) for window in windows for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]


async def test_wrong_codes_are_logged_under_a_pseudonym(doubted, log):
    email = new_address()
    window, _, code = await doubted(email)
    window.headers = {**window.headers, "x-client-address": "203.0.113.7"}
    for _ in range(5):
        await window.prove(wrong(code))
    failed = await log.of(log.pseudonym(email), None, 10)
    assert {(each.type, each.data["method"], each.data["network"]) for each in failed} == {
        ("auth.sign_in.failed.v1", "oidc", "203.0.113.0/24")
    }
    (locked,) = await log.of(log.pseudonym(f"proof {email}"), None, 10)
    assert locked.type == "auth.account.locked.v1"
    assert email not in str([each.data for each in (*failed, locked)])


async def test_another_code_takes_the_place_of_the_first(doubted, codes_of, time_passes):
    email = new_address()
    window, _, first = await doubted(email)
    too_soon = await window.send("/v1/auth/oidc/proof/resend")
    assert codes(too_soon) == [(429, "rate_limited")]
    assert too_soon.headers["retry-after"] == "30"
    for _ in range(5):
        await window.prove(wrong(first))
    await time_passes(email)
    assert (await window.send("/v1/auth/oidc/proof/resend")).status_code == 204
    second = (await codes_of(email))[-1]
    if first != second:
        assert (await window.prove(first)).status_code == 422
        await time_passes(email)
    assert (await go_on(window, await window.prove(second))).headers["location"] == TARGET


async def test_nobody_is_flooded_with_codes_from_many_browsers(doubted, codes_of, time_passes):
    email = new_address()
    answers = [(await doubted(email))[1] for _ in range(3)]
    told = [parse_qs(urlsplit(answer.headers["location"]).query)["proof"] for answer in answers]
    assert told == [["email"], ["unsent"], ["unsent"]]
    assert len(await codes_of(email)) == 1
    await time_passes(email)
    window, answer, code = await doubted(email)
    assert answer.headers["location"].endswith("?proof=email")
    assert (await window.prove(code)).status_code == 200


async def test_a_target_elsewhere_is_kept(doubted):
    window, answer, code = await doubted(new_address(), "https://app.example/in?x=1#top")
    assert answer.headers["location"] == "https://app.example/in?x=1&proof=email#top"
    last = await go_on(window, await window.prove(code))
    assert last.headers["location"] == "https://app.example/in?x=1#top"


async def test_a_second_factor_is_not_waived_by_a_mailed_code(doubted, member, cognito, settings):
    cognito.admin_set_user_mfa_preference(
        UserPoolId=settings.user_pool_id,
        Username=member.username,
        SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True},
    )
    window, _, code = await doubted(member.email)
    last = await go_on(window, await window.prove(code))
    assert last.headers["location"] == f"{TARGET}?error=totp_required"
    assert "session" not in window.cookies


async def test_an_account_whose_address_was_never_verified_is_not_entered(doubted, somebody, session_of):
    squatter = somebody()
    assert (await squatter.sign_up()).status_code == 201
    window, _, code = await doubted(squatter.email)
    await go_on(window, await window.prove(code))
    assert (await session_of(window))["user_id"] != squatter.user_id


async def test_nothing_that_is_secret_stands_in_a_url_or_a_log(doubted, caplog, seals):
    with caplog.at_level(logging.DEBUG):
        window, answer, code = await doubted(email := new_address())
        sealed = window.cookies["proof"]
        await window.prove(wrong(code))
        proved = await window.prove(code)
    urls = answer.headers["location"] + proved.json()["continue_url"]
    assert not re.search(rf"\b{code}\b", urls)
    assert email not in urls
    assert sealed not in urls
    quiet = ("aiobotocore", "botocore", "httpcore")  # `servicekit.telemetry` lets them say warnings alone
    written = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith(quiet))
    assert "/v1/auth/oidc/proof" in written
    assert not re.search(rf"\b{code}\b", written)
    assert sealed not in written
    assert code not in str(await seals().read(sealed))
