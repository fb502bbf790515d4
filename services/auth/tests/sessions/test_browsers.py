"""Sessions that a browser holds in a cookie, as the gateway sees them."""

import asyncio
import time
from http.cookies import SimpleCookie

import pytest

from auth_service.sessions.domain import GRACE_SECONDS
from messenger_contracts.browsers import DEVICE_PURPOSE, SESSION_PURPOSE, BrowserSession, KnownDevice, login_mark
from messenger_contracts.identity import Principal, service
from messenger_contracts.realtime import revoked_sessions_key
from servicekit.dynamodb import to_item
from servicekit.keys import key_ring
from servicekit.tokens import Tokens


def cookies(answer) -> SimpleCookie:
    """The cookies that an answer gives."""
    jar = SimpleCookie()
    for value in answer.headers.get_list("set-cookie"):
        jar.load(value)
    return jar


@pytest.fixture
async def browsers(aws, settings):
    return Tokens(await key_ring(aws, settings.resource("active-session")), SESSION_PURPOSE)


@pytest.fixture
async def devices(aws, settings):
    return Tokens(await key_ring(aws, settings.resource("known-device")), DEVICE_PURPOSE)


@pytest.fixture
def renew(client, callers):
    """Asks for the next cookie, as a gateway does."""

    async def ask(session: str, *, used: int = 0, device: str | None = None, who: Principal | None = None, **headers):
        signed = await callers.headers(who or service("gateway"))
        wish = {"session": session, "used": used, "device": device}
        return await client.post("/internal/browser-sessions", json=wish, headers=signed | headers)

    return ask


@pytest.fixture
async def browser(member):
    """A person who signed in at a browser, and the cookie."""
    answer = await member.sign_in(session="cookie")
    return member, cookies(answer)["session"].value


@pytest.fixture
async def backdate(aws, settings):
    """Moves a session's last renewal into the past."""
    dynamodb = await aws.client("dynamodb")

    async def move(person, seconds: int) -> None:
        await dynamodb.update_item(
            TableName=settings.resource("sessions"),
            Key=to_item({"user_id": person.principal.user_id, "session_id": person.principal.session_id}),
            UpdateExpression="SET rotated_at = rotated_at - :seconds",
            ExpressionAttributeValues=to_item({":seconds": seconds}),
        )

    return move


async def test_a_browser_gets_cookies_and_no_token(member, browsers, devices):
    answer = await member.sign_in(session="cookie")
    body, given = answer.json(), cookies(answer)
    assert (body["access_token"], body["refresh_token"], body["device_token"]) == (None, None, None)
    assert not [value for value in body.values() if str(value).startswith(("ey", "v4."))]
    shown = BrowserSession.model_validate(await browsers.read(given["session"].value))
    assert (shown.user_id, shown.session_id) == (member.user_id, body["session_id"])
    assert time.time() < shown.renew_at < shown.access_expires_at <= time.time() + body["expires_in"]
    assert given["session"]["max-age"] == str(30 * 24 * 3600)
    device = KnownDevice.model_validate(await devices.read(given["device"].value))
    assert (device.people, device.logins) == ((member.user_id,), (login_mark(member.username),))
    assert (await member.get("me")).json()["session"] == "cookie"


async def test_a_program_gets_no_cookie(member):
    answer = await member.sign_in()
    assert "set-cookie" not in answer.headers
    assert (await member.get("me")).json()["session"] == "token"


async def test_a_cookie_is_renewed_by_the_gateway_alone(browser, renew, browsers):
    person, cookie = browser
    assert (await renew(cookie, who=person.principal)).status_code == 403
    answer = (await renew(cookie)).json()
    shown = BrowserSession.model_validate(await browsers.read(answer["session"]))
    assert (shown.session_id, shown.generation) == (person.principal.session_id, 2)
    assert 0 < answer["seconds"] <= 30 * 24 * 3600
    assert (await renew(answer["session"], used=2)).status_code == 200


async def test_tabs_at_once_are_one_renewal(browser, renew, browsers):
    _, cookie = browser
    answers = await asyncio.gather(*(renew(cookie, used=1) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    shown = [await browsers.read(answer.json()["session"]) for answer in answers]
    assert {each["generation"] for each in shown} == {2}


async def test_a_cookie_whose_successor_never_arrived_is_good_whenever_it_comes(browser, renew, backdate):
    person, cookie = browser
    await renew(cookie, used=1)
    await backdate(person, 10 * GRACE_SECONDS)
    assert (await renew(cookie, used=1)).status_code == 200


async def test_a_cookie_whose_successor_was_used_ends_the_session(browser, renew, backdate, valkey, settings):
    person, cookie = browser
    following = (await renew(cookie, used=1)).json()["session"]
    await backdate(person, GRACE_SECONDS + 1)
    assert (await renew(cookie, used=2)).status_code == 401
    assert (await renew(following, used=2)).status_code == 401
    assert await valkey.zscore(revoked_sessions_key(settings.resource_prefix), person.principal.session_id)


async def test_ending_the_session_that_asks_takes_its_cookie_and_no_other(browser, member, another_device):
    other = await another_device(member)
    foreign = await member.request("DELETE", f"sessions/{other.principal.session_id}")
    own = await member.request("DELETE", f"sessions/{member.principal.session_id}")
    assert foreign.status_code == own.status_code == 204
    assert "set-cookie" not in foreign.headers
    assert cookies(own)["session"]["max-age"] == "0"


async def test_an_ended_session_is_not_renewed(browser, renew):
    person, cookie = browser
    answer = await person.post("sign-out")
    assert cookies(answer)["session"]["max-age"] == "0"
    assert (await renew(cookie)).status_code == 401


async def test_a_refresh_token_and_a_cookie_do_not_pass_for_each_other(browser, renew, signed_in):
    _, cookie = browser
    assert (await signed_in.refresh(cookie)).status_code == 401
    assert (await renew(signed_in.tokens["refresh_token"])).status_code == 401


async def test_a_renewal_keeps_the_device_known_only_to_its_person(browser, renew, devices, member, somebody):
    _, cookie = browser
    own = await devices.make(KnownDevice(id="d", people=(member.user_id,)).model_dump(), 60)
    foreign = await devices.make(KnownDevice(id="e", people=("another",)).model_dump(), 60)
    assert (await devices.read((await renew(cookie, device=own)).json()["device"]))["id"] == "d"
    assert (await renew(cookie, device=foreign)).json()["device"] is None
    assert (await renew(cookie, device="nonsense")).json()["device"] is None


async def test_the_list_says_where_one_is_signed_in(member, another_device, renew):
    member.headers = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", "x-client-address": "203.0.113.7"}
    cookie = cookies(await member.sign_in(session="cookie", device_name="desk"))["session"].value
    other = await another_device(member)
    listed = (await member.get("sessions")).json()
    assert [each["id"] for each in listed["items"] if each["current"]] == [member.principal.session_id]
    desk = next(each for each in listed["items"] if each["current"])
    assert (desk["device_name"], desk["software"], desk["address"]) == ("desk", "Firefox on Linux", "203.0.113.7")
    assert (desk["session"], listed["next"]) == ("cookie", None)
    assert {each["id"] for each in listed["items"]} == {member.principal.session_id, other.principal.session_id}
    await renew(cookie, **{"user-agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/129.0", "x-client-address": "::1"})
    desk = next(each for each in (await member.get("sessions")).json()["items"] if each["current"])
    assert (desk["software"], desk["address"]) == ("Firefox on Windows", "::1")


async def test_the_list_comes_in_pages_the_last_seen_first(member, another_device, backdate):
    await member.sign_in()
    others = [await another_device(member) for _ in range(2)]
    for number, other in enumerate(others, 1):
        await backdate(other, 1000 * number)
    seen, cursor = [], None
    for _ in range(3):
        page = (await member.get("sessions", limit=1, **({"cursor": cursor} if cursor else {}))).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
    assert seen == [each.principal.session_id for each in (member, *others)]
    assert cursor is None
    forged = await member.get("sessions", cursor="nonsense")
    assert (forged.status_code, forged.json()["code"]) == (422, "validation_failed")


async def test_one_device_ends_another(signed_in, another_device, client, callers):
    other = await another_device(signed_in)
    path = f"/v1/auth/sessions/{other.principal.session_id}"
    headers = await callers.headers(signed_in.principal)
    assert (await client.delete(path, headers=headers)).status_code == 204
    assert (await other.get("me")).status_code == 401
    assert (await other.refresh()).status_code == 401
    assert (await client.delete(path, headers=headers)).status_code == 204
    listed = (await signed_in.get("sessions")).json()["items"]
    assert [each["id"] for each in listed] == [signed_in.principal.session_id]


async def test_nobody_ends_what_is_not_theirs(signed_in, somebody, client, callers):
    stranger = somebody()
    await stranger.sign_up()
    await stranger.verify()
    await stranger.sign_in()
    path = f"/v1/auth/sessions/{signed_in.principal.session_id}"
    answer = await client.delete(path, headers=await callers.headers(stranger.principal))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await signed_in.get("me")).status_code == 200
