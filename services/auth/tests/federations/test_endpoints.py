"""Signing in by a provider, from the click to the session, and all that must not lead to one."""

import asyncio
import json
import secrets
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from auth_service.dependencies import make_rows
from auth_service.federations.repository import FinishedFlows
from auth_service.user_pool.repository import present
from messenger_contracts.events.auth import IdentityLinked
from servicekit.errors import DependencyUnavailable

PASSWORD = "correct horse battery"
"""What `member` signed up with."""


def new_subject() -> str:
    return secrets.token_hex(6)


def changed(url: str, **parameters: str) -> str:
    """A URL with other parameters."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    return parts._replace(query=urlencode({name: value for name, value in query.items() if value})).geturl()


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def profiles_of(cognito, settings, subject) -> list[str]:
    """Profiles that Cognito made of an identity."""
    users = cognito.list_users(UserPoolId=settings.user_pool_id)["Users"]
    return [user["Username"] for user in users if user["Username"].endswith(f"_{subject}")]


async def test_somebody_new_gets_an_account_and_a_session(browser, somebody_at, session_of, cognito, settings):
    subject = await somebody_at(
        new_subject(), email=f"{new_subject()}@kakao.example", email_verified=True, nickname="Ada Byron"
    )
    first, second = browser(), browser()
    answer = await first.sign_in(subject, "/chats?tab=1")
    assert answer.headers["location"] == "http://127.0.0.1:8080/chats?tab=1"
    session = await session_of(first)
    assert session["username"].startswith("ada.byron_")
    assert first.cookies["sign-in"] == ""
    assert profiles_of(cognito, settings, subject) == []
    await second.sign_in(subject)
    again = await session_of(second)
    assert (again["user_id"], again["username"]) == (session["user_id"], session["username"])
    assert again["session_id"] != session["session_id"]


async def test_the_second_sign_in_takes_one_round(browser, somebody_at):
    subject = await somebody_at(new_subject(), email=f"{new_subject()}@kakao.example", email_verified=True)
    await browser().sign_in(subject)
    later = browser()
    start = await later.start()
    answer = await later.come_back(await later.vouch(start.headers["location"], subject))
    assert answer.headers["location"] == "http://127.0.0.1:8080/chats"
    assert later.cookies["session"]


async def test_a_verified_address_leads_to_the_account_that_has_it(browser, somebody_at, member, session_of):
    subject = await somebody_at(new_subject(), email=member.email.upper(), email_verified=True, nickname="Mallory")
    window = browser()
    await window.sign_in(subject)
    assert (await session_of(window))["user_id"] == member.user_id
    assert (await member.sign_in()).status_code == 200
    assert (await member.get("me")).json()["user"]["display_name"] == member.username


async def test_who_had_the_account_before_is_written_to_about_the_link(browser, somebody_at, member, session_of, log):
    async def linked(email: str):
        window = browser()
        window.headers["x-client-address"] = "203.0.113.7"
        await window.sign_in(await somebody_at(new_subject(), email=email, email_verified=True))
        logged = await log.of((await session_of(window))["user_id"], None, 50)
        (event,) = [each for each in logged if each.type == IdentityLinked.TYPE]
        return event

    old, new = await linked(member.email), await linked(f"{new_subject()}@kakao.example")
    assert (old.unnoticed, new.unnoticed) == ("yes", None)
    assert old.data == {"user_id": member.user_id, "provider": "Kakao", "network": "203.0.113.0/24"}


async def test_two_windows_at_once_lead_to_one_account(browser, somebody_at, session_of):
    subject = await somebody_at(new_subject(), email=f"{new_subject()}@kakao.example", email_verified=True)
    await browser().sign_in(subject)
    windows = [browser(), browser()]
    await asyncio.gather(*(window.sign_in(subject) for window in windows))
    assert len({(await session_of(window))["user_id"] for window in windows}) == 1


async def test_an_identity_without_an_address_leads_nowhere(browser, somebody_at):
    subject = await somebody_at(new_subject(), email_verified=True)
    answer = await browser().sign_in(subject)
    assert answer.headers["location"].endswith("?error=unverified")


async def test_an_account_whose_address_was_never_verified_is_not_entered(browser, somebody_at, somebody, session_of):
    """Somebody signed up with an address of another, and waits for its owner to come by a provider."""
    squatter = somebody()
    assert (await squatter.sign_up()).status_code == 201
    subject = await somebody_at(new_subject(), email=squatter.email, email_verified=True)
    window = browser()
    await window.sign_in(subject)
    assert (await session_of(window))["user_id"] != squatter.user_id


async def test_a_second_factor_is_not_waived(browser, somebody_at, member, cognito, settings):
    subject = await somebody_at(new_subject(), email=member.email, email_verified=True)
    await browser().sign_in(subject)
    cognito.admin_set_user_mfa_preference(
        UserPoolId=settings.user_pool_id,
        Username=member.username,
        SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True},
    )
    window = browser()
    answer = await window.sign_in(subject)
    assert answer.headers["location"].endswith("/chats?error=totp_required")
    assert "session" not in window.cookies


async def test_who_ends_all_sessions_meanwhile_is_led_back_without_one(browser, somebody_at, member, aws, settings):
    subject = await somebody_at(new_subject(), email=member.email, email_verified=True)
    rows = await make_rows(settings, aws)
    await rows.cut_off(member.user_id, present() + 60_000_000)
    window = browser()
    answer = await window.sign_in(subject)
    assert answer.headers["location"].endswith("/chats?error=failed")
    assert "session" not in window.cookies


async def test_whoever_says_no_at_the_provider_is_told_so_at_the_target(browser):
    window = browser()
    state = query_of((await window.start("https://app.example/in?x=1")).headers["location"])["state"]
    answer = await window.ask("/v1/auth/oidc/callback", state=state, error="access_denied")
    assert answer.headers["location"] == "https://app.example/in?x=1&error=cancelled"
    state = query_of((await window.start()).headers["location"])["state"]
    answer = await window.ask("/v1/auth/oidc/callback", state=state, error="<script>", error_description="x")
    assert answer.headers["location"] == "http://127.0.0.1:8080/chats?error=failed"


async def test_an_answer_is_good_in_the_browser_that_asked_and_once(browser, somebody_at):
    subject = await somebody_at(new_subject(), email=f"{new_subject()}@kakao.example", email_verified=True)
    victim, thief = browser(), browser()
    url = await thief.vouch((await thief.start()).headers["location"], subject)
    await victim.start()
    for window in (victim, browser()):
        answer = await window.come_back(url)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert "session" not in window.cookies
    flow = thief.cookies["sign-in"]
    assert (await thief.come_back(url)).status_code == 303
    thief.cookies["sign-in"] = flow
    assert (await thief.come_back(url)).status_code == 401


async def test_a_token_for_another_question_is_refused(browser, somebody_at):
    subject = await somebody_at(new_subject(), email=f"{new_subject()}@kakao.example", email_verified=True)
    window = browser()
    start = await window.start()
    url = await window.vouch(changed(start.headers["location"], nonce="another"), subject)
    assert (await window.come_back(url)).status_code == 401
    assert "session" not in window.cookies


async def test_the_hosted_ui_takes_the_code_for_our_verifier_alone(browser, member, session_of):
    """On its own page, where the emulator checks PKCE; for federated codes it does not."""
    good, bad = browser(), browser()
    url = changed((await good.start()).headers["location"], identity_provider="")
    answer = await good.come_back(await good.log_in(url, member.username, PASSWORD))
    assert answer.headers["location"].endswith("/chats")
    assert (await session_of(good))["user_id"] == member.user_id
    url = changed((await bad.start()).headers["location"], identity_provider="", code_challenge="A" * 43)
    answer = await bad.come_back(await bad.log_in(url, member.username, PASSWORD))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_code_that_cognito_never_gave_is_refused(browser):
    window = browser()
    state = query_of((await window.start()).headers["location"])["state"]
    answer = await window.ask("/v1/auth/oidc/callback", state=state, code="invented")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_question_is_bound_in_every_way(browser, settings):
    window = browser()
    asked = query_of((await window.start()).headers["location"])
    assert asked["identity_provider"] == "Kakao"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == "http://127.0.0.1:8080/v1/auth/oidc/callback"
    assert asked["client_id"] == settings.user_pool_client_id
    assert len({asked[name] for name in ("state", "nonce", "code_challenge")}) == 3
    assert window.cookies["sign-in"].startswith("v4.local.")
    again = query_of((await browser().start()).headers["location"])
    assert all(asked[name] != again[name] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
async def test_a_browser_is_sent_only_where_the_settings_allow(browser, target):
    answer = await browser().start(target)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "query/return_to")


@pytest.mark.parametrize("name", ["facebook", "nobody", "Kakao"])
async def test_a_provider_that_is_not_set_up_is_unknown(browser, name):
    assert (await browser().start(provider=name)).status_code in (404, 422)


async def test_google_is_set_up_by_its_secret_alone(browser, cognito, settings):
    assert query_of((await browser().start(provider="google")).headers["location"])["identity_provider"] == "Google"
    kept = cognito.describe_identity_provider(UserPoolId=settings.user_pool_id, ProviderName="Google")
    details = kept["IdentityProvider"]["ProviderDetails"]
    assert (details["client_id"], details["client_secret"]) == ("google-client", "google-secret")
    client = cognito.describe_user_pool_client(UserPoolId=settings.user_pool_id, ClientId=settings.user_pool_client_id)[
        "UserPoolClient"
    ]
    assert sorted(client["SupportedIdentityProviders"]) == ["Google", "Kakao"]


async def test_logout_is_cognitos_own_url(browser, settings):
    answer = await browser().ask("/v1/auth/oidc/logout")
    url = urlsplit(answer.headers["location"])
    assert (answer.status_code, url.path) == (303, "/logout")
    assert query_of(url.geturl()) == {
        "client_id": settings.user_pool_client_id,
        "logout_uri": "http://127.0.0.1:8080/",
    }


async def test_without_valkey_nobody_comes_back(absent_valkey):
    with pytest.raises(DependencyUnavailable):
        await FinishedFlows(absent_valkey, "t").finish("a sign-in")


def test_what_is_declared_is_what_providers_say():
    """A provider that does not tell whether it verified an address links nobody."""
    declared = json.loads((Path(__file__).parents[2] / "infra" / "user_pool.json").read_bytes())
    proving = {
        name
        for name, provider in declared["identity_providers"].items()
        if "custom:federated_proof" in provider["attributes"]
    }
    assert proving == {"Google", "SignInWithApple", "Kakao"}
    for provider in declared["identity_providers"].values():
        assert all(attribute.startswith("custom:federated_") for attribute in provider["attributes"])
