"""A browser's session at the edge: opened, renewed without a word, and ended."""

import asyncio

import httpx
import pytest

from gateway_service.main import create
from messenger_contracts.realtime import SessionEnded, sessions_channel
from servicekit.testing import eventually, serving

OURS = {"Origin": "http://127.0.0.1:8080"}
CONVERSATIONS = "/v1/conversations"


async def test_a_cookie_proves_who_asks_and_goes_no_further(http, backend) -> None:
    cookie = await backend.cookie("ada", groups=("moderators",))
    answer = await http.get(CONVERSATIONS, headers={"Cookie": f"theme=dark; {cookie}"})
    seen = answer.json()
    assert (answer.status_code, seen["principal"]["user_id"]) == (202, "user-ada")
    assert (seen["principal"]["session_id"], seen["principal"]["groups"]) == ("session-ada", ["moderators"])
    assert "cookie" not in seen["headers"]
    assert "set-cookie" not in answer.headers


async def test_a_bearer_token_is_believed_before_a_cookie(http, backend) -> None:
    headers = {"Cookie": await backend.cookie("ada"), "Authorization": f"Bearer {backend.token('bob')}"}
    answer = await http.post(CONVERSATIONS, json={}, headers=headers)
    assert answer.json()["principal"]["user_id"] == "user-bob"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("page", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_no_page_but_ours_changes_anything_with_a_cookie(http, backend, method, page) -> None:
    headers = page | {"Cookie": await backend.cookie("ada")}
    answer = await http.request(method, f"{CONVERSATIONS}/c", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    ours = await http.request(method, f"{CONVERSATIONS}/c", headers=headers | OURS | {"Sec-Fetch-Site": "same-origin"})
    assert ours.status_code == 202


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("sign-in", {"login": "ada", "password": "…", "session": "cookie"}),
        ("oidc/proof", {"code": "123456"}),
        ("oidc/proof/resend", {}),
    ],
)
async def test_no_page_but_ours_signs_a_browser_in(http, route, body) -> None:
    cookie = {"Cookie": "__Host-proof=sealed"}
    foreign = await http.post(f"/v1/auth/{route}", json=body, headers=cookie | {"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")
    ours = await http.post(f"/v1/auth/{route}", json=body, headers=cookie | OURS)
    assert ours.status_code == 202
    assert ours.json()["headers"]["cookie"] == "proof=sealed"
    assert (await http.post(f"/v1/auth/{route}", json=body)).status_code == 202


async def test_what_auth_gives_a_browser_arrives_dressed(http, backend) -> None:
    backend.answered_cookies = ["session=s; Max-Age=60", "device=d; Max-Age=90"]
    answer = await http.post("/v1/auth/sign-in", json={})
    assert answer.headers.get_list("set-cookie") == [
        "__Host-session=s; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax",
        "__Host-device=d; Max-Age=90; Path=/; Secure; HttpOnly; SameSite=Lax",
    ]
    elsewhere = await http.get(CONVERSATIONS, headers={"Cookie": await backend.cookie("ada")})
    assert "set-cookie" not in elsewhere.headers


async def test_auth_hears_of_the_device(http) -> None:
    answer = await http.post("/v1/auth/sign-in", json={}, headers={"Cookie": "__Host-device=d; x=y"})
    assert answer.json()["headers"]["cookie"] == "device=d"


async def test_tabs_that_come_at_once_share_a_renewal(http, backend) -> None:
    cookie = await backend.cookie("ada", renew_in=-1)
    headers = {"Cookie": f"{cookie}; __Host-device=d"}
    answers = await asyncio.gather(*(http.get(CONVERSATIONS, headers=headers) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {202}
    assert len(backend.renewals) == 1
    assert backend.renewals[0].device == "d"
    session, device = answers[0].headers.get_list("set-cookie")
    assert session.startswith("__Host-session=v4.local.")
    assert session.endswith("; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax")
    assert device.startswith("__Host-device=d; Max-Age=")
    assert {answer.headers.get_list("set-cookie")[0] for answer in answers} == {session}
    following = await http.get(CONVERSATIONS, headers={"Cookie": session.partition(";")[0]})
    assert following.json()["principal"]["user_id"] == "user-ada"
    assert len(backend.renewals) == 1


async def test_auth_is_told_which_cookies_were_shown(http, backend) -> None:
    await http.get(CONVERSATIONS, headers={"Cookie": await backend.cookie("ada", generation=4)})
    await http.get(CONVERSATIONS, headers={"Cookie": await backend.cookie("ada", generation=3, renew_in=-1)})
    assert backend.renewals[0].used == 4


async def test_a_renewal_survives_an_answer_that_fails(http, backend) -> None:
    headers = {"Cookie": await backend.cookie("ada", renew_in=-1)}
    answer = await http.get(f"{CONVERSATIONS}/broken", headers=headers)
    assert answer.status_code == 503
    assert answer.headers["set-cookie"].startswith("__Host-session=v4.local.")


async def test_while_auth_is_away_a_cookie_is_good_until_its_end(http, backend) -> None:
    backend.renewing = 503
    soon = await http.get(CONVERSATIONS, headers={"Cookie": await backend.cookie("ada", renew_in=-1, access_for=60)})
    assert soon.status_code == 202
    over = await http.get(CONVERSATIONS, headers={"Cookie": await backend.cookie("bob", renew_in=-1, access_for=-1)})
    assert (over.status_code, over.json()["code"]) == (503, "dependency_unavailable")
    assert "set-cookie" not in over.headers


async def test_a_session_that_auth_ends_takes_the_cookie_with_it(http, backend) -> None:
    backend.renewing = 401
    answer = await http.get(CONVERSATIONS, headers={"Cookie": await backend.cookie("ada", renew_in=-1)})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["set-cookie"].startswith("__Host-session=; Max-Age=0;")


@pytest.mark.parametrize("value", ["nonsense", "v4.local.AAAA", "v4.public.AAAA", "x" * 9000])
async def test_a_foreign_cookie_is_refused_and_taken_away(http, value) -> None:
    answer = await http.get(CONVERSATIONS, headers={"Cookie": f"__Host-session={value}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["set-cookie"].startswith("__Host-session=; Max-Age=0;")


async def test_a_ticket_is_no_cookie(http, tickets) -> None:
    ticket = await tickets.make({"user_id": "user-ada", "username": "ada", "session_id": "s"}, 30)
    assert (await http.get(CONVERSATIONS, headers={"Cookie": f"__Host-session={ticket}"})).status_code == 401


async def test_an_announced_end_holds_for_cookies(settings, backend, valkey) -> None:
    cookie = await backend.cookie("ada")
    async with serving(create(settings)) as one, serving(create(settings)) as two, httpx.AsyncClient() as http:

        async def statuses() -> list[int]:
            urls = [f"http://{address}{CONVERSATIONS}" for address in (one, two)]
            return [(await http.get(url, headers={"Cookie": cookie})).status_code for url in urls]

        async def listening() -> bool:
            channel = sessions_channel(settings.resource_prefix)
            return (await valkey.pubsub_numsub(channel))[0][1] == 2

        assert await statuses() == [202, 202]
        await eventually(listening)
        ended = SessionEnded(user_id="user-ada", session_id="session-ada", until=2**40)
        await valkey.publish(sessions_channel(settings.resource_prefix), ended.model_dump_json())
        async with asyncio.timeout(1):
            while await statuses() != [401, 401]:
                pass
        answer = await http.get(f"http://{one}{CONVERSATIONS}", headers={"Cookie": cookie})
        assert answer.headers["set-cookie"].startswith("__Host-session=; Max-Age=0;")
