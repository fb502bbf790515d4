"""A browser signs in, stays signed in without a word, and is signed out, at whichever of two gateways it is."""

import asyncio
import base64
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager
from http.cookies import SimpleCookie
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from messenger_contracts.realtime import SUBPROTOCOL, CloseCode
from messengerctl.accounts import client_of
from messengerctl.mailbox import read_mail
from messengerctl.suite import until

WITHIN = 1.0
"""Seconds in which the end of a session is to hold everywhere."""
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Browser:
    """What matters of one: it keeps cookies for itself, and says where its page comes from.

    Browsers take secure cookies of loopback over plain HTTP; Python's cookie jars do not.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.cookies: dict[str, str] = {}
        self.seen: list[str] = []
        """Everything that a script on the page could have read."""
        self.http = httpx.AsyncClient(trust_env=False, timeout=20)

    @property
    def headers(self) -> dict[str, str]:
        """What it says with each request."""
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Origin": self.origin, "User-Agent": FIREFOX} | ({"Cookie": jar} if jar else {})

    async def ask(self, method: str, path: str, *, at: str | None = None, **options) -> httpx.Response:
        answer = await self.http.request(
            method, f"{at or self.origin}{path}", headers=self.headers | options.pop("headers", {}), **options
        )
        for value in answer.headers.get_list("set-cookie"):
            self.keep(value)
        self.seen.append(answer.text)
        return answer

    def keep(self, value: str) -> None:
        """Take a cookie, if it is one that a browser takes under its name."""
        ((name, morsel),) = SimpleCookie(value).items()
        assert name.startswith("__Host-")
        assert morsel["secure"]
        assert morsel["httponly"]
        assert (morsel["path"], morsel["domain"], morsel["samesite"]) == ("/", "", "Lax")
        if morsel["max-age"] == "0":
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = morsel.value

    async def sign_in(self, person) -> httpx.Response:
        wish = {"login": person.username, "password": person.password, "session": "cookie", "device_name": "desk"}
        return await self.ask("POST", "/v1/auth/sign-in", json=wish)

    @asynccontextmanager
    async def socket(self, at: str, **headers: str):
        """A socket that has said hello."""
        url = at.replace("http", "ws", 1) + "/v1/realtime"
        async with connect(
            url, subprotocols=[SUBPROTOCOL], additional_headers=self.headers | headers, proxy=None
        ) as socket:
            await socket.send('{"id": 1, "op": "hello", "d": {}}')
            while json.loads((await socket.recv()).split("\n")[-1]).get("id") != 1:
                pass
            yield socket


@pytest.fixture
async def browsers(suite):
    """Makes browsers."""
    async with AsyncExitStack() as exits:

        def make() -> Browser:
            browser = Browser(suite.gateway)
            exits.push_async_callback(browser.http.aclose)
            return browser

        yield make


@pytest.fixture
def browser(browsers):
    return browsers()


async def test_a_browser_uses_the_whole_suite_and_no_script_sees_a_token(stranger, browser):
    signed_in = await browser.sign_in(stranger)
    assert (signed_in.status_code, signed_in.json()["access_token"]) == (200, None)
    me = (await browser.ask("GET", "/v1/auth/me")).json()
    assert (me["user"]["username"], me["session"]) == (stranger.username, "cookie")
    group = await browser.ask("POST", "/v1/conversations", json={"kind": "group", "title": "t", "member_ids": []})
    assert group.status_code == 201
    message = f"/v1/conversations/{group.json()['id']}/messages/{uuid4()}"
    assert (await browser.ask("PUT", message, json={"text": "hello"})).status_code == 201
    assert (await browser.ask("GET", "/v1/notifications")).status_code == 200
    text = "".join(browser.seen)
    assert not [cookie for cookie in browser.cookies.values() if cookie in text]
    assert "eyJ" not in text
    assert "v4.local." not in text


async def test_another_sites_page_can_do_nothing(suite, stranger, browser):
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    wish = {"login": stranger.username, "password": stranger.password, "session": "cookie"}
    refused = await browser.ask("POST", "/v1/auth/sign-in", json=wish, headers=foreign)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    await browser.sign_in(stranger)
    group = {"kind": "group", "title": "t", "member_ids": []}
    for headers in (foreign, {"Origin": "null"}, {"Origin": "", "Sec-Fetch-Site": "cross-site"}):
        answer = await browser.ask("POST", "/v1/conversations", json=group, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    with pytest.raises(InvalidStatus) as closed:
        async with browser.socket(suite.gateway, Origin="https://evil.example"):
            pass
    assert closed.value.response.status_code == 403


async def test_many_tabs_stay_signed_in_at_both_gateways_past_the_end_of_access(suite, short_lived, browser, elsewhere):
    """Access lasts five seconds here: whenever a socket closes for that, tabs at both gateways come at once."""
    assert (await browser.sign_in(short_lived)).status_code == 200
    gateways, held = (suite.gateway, elsewhere), []
    for turn in range(3):
        async with browser.socket(gateways[turn % 2]) as socket:
            await socket.wait_closed()
            assert socket.close_code == CloseCode.CREDENTIALS_EXPIRED
        answers = await asyncio.gather(*(browser.ask("GET", "/v1/conversations", at=at) for at in gateways * 5))
        assert {answer.status_code for answer in answers} == {200}
        held.append(browser.cookies["__Host-session"])
    assert len(set(held)) == len(held)
    me = (await browser.ask("GET", "/v1/auth/me")).json()
    assert me["session_id"] == _session_of(await browser.ask("GET", "/v1/auth/sessions"))


def _session_of(answer: httpx.Response) -> str:
    (current,) = [each["id"] for each in answer.json()["items"] if each["current"]]
    return current


async def test_a_replayed_cookie_ends_the_session(suite, short_lived, browser, browsers, elsewhere):
    """A stolen cookie, shown after its successor was used and its grace is over, ends the session for both.

    The thief is at another gateway: the first would answer it once more what it has just answered.
    """
    await browser.sign_in(short_lived)
    thief = browsers()
    thief.cookies = dict(browser.cookies)
    stolen = thief.cookies["__Host-session"]

    async def renewed() -> bool:
        await browser.ask("GET", "/v1/auth/me")
        return browser.cookies["__Host-session"] != stolen

    await _eventually(renewed)
    await browser.ask("GET", "/v1/auth/me")
    _backdate(suite, short_lived, 120)
    caught = await thief.ask("GET", "/v1/auth/me", at=elsewhere)
    assert caught.status_code == 401
    assert "__Host-session" not in thief.cookies
    assert (await browser.ask("GET", "/v1/auth/me")).status_code == 401


def _backdate(suite, person, seconds: int) -> None:
    """Move the last renewal of a person's sessions into the past."""
    dynamodb, table = suite.aws("dynamodb"), suite.resource("auth", "sessions")
    found = dynamodb.query(
        TableName=table,
        KeyConditionExpression="user_id = :user",
        ExpressionAttributeValues={":user": {"S": person.user_id}},
    )
    for item in found["Items"]:
        dynamodb.update_item(
            TableName=table,
            Key={name: item[name] for name in ("user_id", "session_id")},
            UpdateExpression="SET rotated_at = rotated_at - :seconds",
            ExpressionAttributeValues={":seconds": {"N": str(seconds)}},
        )


async def _eventually(condition, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            pass


async def test_ending_a_session_reaches_cookies_tokens_and_sockets_of_both_gateways(
    suite, stranger, browser, elsewhere
):
    await browser.sign_in(stranger)
    session = (await browser.ask("GET", "/v1/auth/me")).json()["session_id"]
    kept, gateways = browser.headers, (suite.gateway, elsewhere)
    async with client_of(stranger) as phone, browser.socket(suite.gateway) as one, browser.socket(elsewhere) as two:
        await phone.request("DELETE", f"/v1/auth/sessions/{session}")
        begun = time.monotonic()
        for socket in (one, two):
            async with asyncio.timeout(WITHIN):
                await socket.wait_closed()
            assert socket.close_code == CloseCode.SESSION_REVOKED
        answers = [await browser.http.get(f"{at}/v1/conversations", headers=kept) for at in gateways]
        assert [answer.status_code for answer in answers] == [401, 401]
        assert time.monotonic() - begun < WITHIN
        assert (await phone.request("GET", "/v1/conversations")).status_code == 200
    await browser.sign_in(stranger)
    again = browser.headers
    assert (await browser.ask("POST", "/v1/auth/sign-out", json={"everywhere": True})).status_code == 204
    assert "__Host-session" not in browser.cookies
    begun = time.monotonic()
    token = {"Authorization": f"Bearer {stranger.access_token}"}
    for headers in (again, token):
        answers = [await browser.http.get(f"{at}/v1/conversations", headers=headers) for at in gateways]
        assert [answer.status_code for answer in answers] == [401, 401]
    assert time.monotonic() - begun < WITHIN


async def test_a_person_hears_of_a_browser_that_is_new_and_of_no_other(suite, stranger, browser, browsers):
    subject = "New sign-in to your Messenger account"

    def notices() -> list:
        return [mail for mail in read_mail(suite, stranger.email) if mail.subject == subject]

    await browser.sign_in(stranger)
    await until(lambda: notices(), "no mail about the new browser came")
    assert "Firefox on Linux" in notices()[0].text
    await browser.ask("POST", "/v1/auth/sign-out", json={})
    assert set(browser.cookies) == {"__Host-device"}
    await browser.sign_in(stranger)
    await browsers().sign_in(stranger)
    await until(lambda: len(notices()) == 2, "no mail about the second browser came")
    listed = (await browser.ask("GET", "/v1/auth/sessions")).json()["items"]
    assert {each["software"] for each in listed if each["session"] == "cookie"} == {"Firefox on Linux"}


async def test_the_cookies_say_nothing_to_who_looks_into_them(stranger, browser):
    await browser.sign_in(stranger)
    for name in ("__Host-session", "__Host-device"):
        body = browser.cookies[name].split(".")[2]
        opened = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        assert stranger.user_id.encode() not in opened
        assert stranger.username.encode() not in opened
