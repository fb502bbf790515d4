"""The public routes: who gets through, what is passed on, and what the edge answers itself."""

import asyncio
from ipaddress import ip_network

import httpx
import pytest

from gateway_service.main import create
from servicekit.testing import eventually, serving

SECRET_ROUTES = [
    *("sign-up", "verify-email", "verify-email/resend", "sign-in", "sign-in/totp", "refresh"),
    *("password/forgot", "password/reset", "oidc/proof", "oidc/proof/resend"),
]


def bearer(backend, name="ada", **claims) -> dict[str, str]:
    return {"Authorization": f"Bearer {backend.token(name, **claims)}"}


async def test_a_request_is_passed_on_signed_and_whole(http, backend) -> None:
    answer = await http.patch(
        "/v1/conversations/c1?x=1&x=2",
        content=b'{"title": "t"}',
        headers=bearer(backend)
        | {"If-Match": '"6"', "Content-Type": "application/json", "X-Messenger-Identity": "forged"},
    )
    seen = answer.json()
    assert answer.status_code == 202
    assert (seen["method"], seen["path"], seen["query"]) == ("PATCH", "/v1/conversations/c1", "x=1&x=2")
    assert seen["body"] == '{"title": "t"}'
    assert (seen["principal"]["kind"], seen["principal"]["user_id"]) == ("user", "user-ada")
    assert seen["principal"]["session_id"] == "session-ada"
    assert seen["headers"]["if-match"] == '"6"'
    assert "authorization" not in seen["headers"]


async def test_the_groups_of_a_person_go_with_the_request(http, backend) -> None:
    headers = bearer(backend, **{"cognito:groups": ["moderators"]})
    answer = await http.get("/v1/moderation/reports", headers=headers)
    assert answer.json()["principal"]["groups"] == ["moderators"]


async def test_what_is_passed_back_is_what_clients_may_know(http, backend) -> None:
    answer = await http.get("/v1/notifications", headers=bearer(backend))
    assert answer.headers["etag"] == '"7"'
    assert answer.headers["link"] == '</v1/x>; rel="next"'
    assert "x-inner" not in answer.headers


async def test_the_trace_goes_through(http, backend) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = bearer(backend) | {"traceparent": f"00-{trace}-b7ad6b7169203331-00"}
    answer = await http.get("/v1/conversations", headers=headers)
    assert answer.headers["x-trace-id"] == trace
    assert answer.json()["headers"]["traceparent"].split("-")[1] == trace


@pytest.mark.parametrize("path", SECRET_ROUTES)
async def test_routes_that_take_a_secret_are_open_and_anonymous(http, path) -> None:
    answer = await http.post(f"/v1/auth/{path}", json={})
    assert answer.json()["principal"] == {
        "kind": "anonymous",
        "user_id": "",
        "username": "",
        "session_id": "",
        "groups": [],
        "relationship_version": 0,
    }


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "unauthenticated"),
        ({"Authorization": "Bearer x.y.z"}, "unauthenticated"),
        ({"Authorization": "Basic YTpi"}, "unauthenticated"),
        ({"Authorization": "Bearer " + "x" * 9000}, "unauthenticated"),
    ],
)
async def test_without_a_good_credential_the_answer_is_401(http, headers, code) -> None:
    answer = await http.get("/v1/conversations", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_expired_token_is_told_apart(http, backend) -> None:
    answer = await http.get("/v1/conversations", headers=bearer(backend, exp=1))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


async def test_what_nobody_answers_is_not_found(http) -> None:
    for path in ("/v1/nothing", "/v1", "/v1/", "/internal/commands", "/nothing"):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert answer.json()["instance"] == path


async def test_the_sockets_path_says_what_it_is(http) -> None:
    answer = await http.get("/v1/realtime")
    assert answer.status_code == 404
    assert "WebSocket" in answer.json()["detail"]


async def test_a_service_that_is_away_is_a_503(http, backend, settings) -> None:
    broken = await http.get("/v1/conversations/broken", headers=bearer(backend))
    assert (broken.status_code, broken.json()["code"], broken.json()["retryable"]) == (
        503,
        "dependency_unavailable",
        True,
    )
    assert broken.headers["retry-after"] == "1"


async def test_a_body_past_the_limit_is_refused(http, backend) -> None:
    answer = await http.post("/v1/auth/sign-in", content=b"x" * (256 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "body",
    [
        '{"login": "ada"}'.encode("utf-16"),
        '{"login": "ada"}'.encode("utf-8-sig"),
        b'{"login": "ada", "device_name": "\\ud800"}',
        b'{"login": "\xff"}',
        b"{",
    ],
)
async def test_what_the_limits_cannot_read_no_service_is_asked(http, body) -> None:
    answer = await http.post("/v1/auth/sign-in", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.headers["ratelimit-policy"].startswith('"secret"')


async def test_every_answer_carries_the_security_headers(http) -> None:
    for answer in (await http.get("/v1/conversations"), await http.get("/docs"), await http.get("/livez")):
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "permissions-policy" in answer.headers


async def test_browsers_may_call_from_listed_origins_alone(http) -> None:
    preflight = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    allowed = await http.options("/v1/conversations", headers=preflight | {"Origin": "https://app.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    foreign = await http.options("/v1/conversations", headers=preflight | {"Origin": "https://evil.example"})
    assert foreign.status_code == 400
    assert "access-control-allow-origin" not in foreign.headers


async def test_the_documentation_is_served_from_here_alone(http) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")
    for file in ("/docs/start.js", "/docs/files/swagger-ui-bundle.js", "/docs/files/swagger-ui.css"):
        assert (await http.get(file)).status_code == 200
    assert (await http.get("/openapi.json")).json() == {"openapi": "3.1.0"}


async def test_a_person_has_a_limit(settings, backend) -> None:
    narrow = settings.model_copy(update={"user_requests_per_minute": 3})
    async with serving(create(narrow)) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        answers = [await http.get("/v1/conversations", headers=bearer(backend)) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        assert answers[0].headers["ratelimit-policy"] == '"user";q=3;w=60'
        assert answers[0].headers["ratelimit"].startswith('"user";r=2;')
        refusal = answers[3]
        assert (refusal.json()["code"], refusal.json()["retryable"]) == ("rate_limited", True)
        assert 1 <= int(refusal.headers["retry-after"]) <= 20
        other = await http.get("/v1/conversations", headers=bearer(backend, "bob"))
        assert other.status_code == 202


async def test_each_route_that_takes_a_secret_has_a_limit_of_its_own(settings) -> None:
    narrow = settings.model_copy(update={"secret_requests_per_minute": 2})
    async with serving(create(narrow)) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        answers = [await http.post("/v1/auth/sign-in", json={}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert (await http.post("/v1/auth/sign-up", json={})).status_code == 202


async def test_without_valkey_secrets_are_refused_and_the_rest_goes_on(settings, backend) -> None:
    alone = settings.model_copy(update={"valkey_url": "redis://127.0.0.1:1/0"})
    async with serving(create(alone)) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        closed = await http.post("/v1/auth/sign-in", json={})
        assert (closed.status_code, closed.json()["code"]) == (503, "dependency_unavailable")
        assert (await http.get("/v1/conversations", headers=bearer(backend))).status_code == 202
        assert (await http.get("/readyz")).status_code == 200


async def test_pages_of_listed_origins_may_read_what_the_protocol_says_in_headers(http, backend) -> None:
    answer = await http.get("/v1/conversations", headers=bearer(backend) | {"Origin": "https://app.example"})
    readable = set(answer.headers["access-control-expose-headers"].lower().split(", "))
    assert {"etag", "idempotency-replay", "link", "location", "ratelimit", "retry-after", "x-trace-id"} <= readable


@pytest.mark.parametrize("origin", [None, "https://app.example", "https://evil.example"])
async def test_caches_are_told_that_answers_depend_on_the_origin(http, backend, origin) -> None:
    headers = bearer(backend) | ({"Origin": origin} if origin else {})
    answer = await http.get("/v1/conversations", headers=headers)
    assert (answer.status_code, answer.headers["vary"]) == (202, "Origin")


async def test_a_forged_forwarding_header_changes_nothing(settings) -> None:
    behind = settings.model_copy(update={"trusted_proxies": [ip_network("127.0.0.0/8")]})
    async with serving(create(behind)) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        answer = await http.post("/v1/auth/sign-in", json={}, headers={"X-Forwarded-For": "1.1.1.1, 9.9.9.9"})
        assert answer.json()["headers"]["x-client-address"] == "9.9.9.9"
    async with serving(create(settings)) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        answer = await http.post("/v1/auth/sign-in", json={}, headers={"X-Forwarded-For": "1.1.1.1"})
        assert answer.json()["headers"]["x-client-address"] == "127.0.0.1"


async def test_who_goes_away_while_waiting_is_waited_for_no_longer(http, backend) -> None:
    waiting = asyncio.create_task(http.get("/v1/sync?timeout=60", headers=bearer(backend, "patient")))
    await eventually(lambda: _is(backend, "waits"))
    waiting.cancel()
    await eventually(lambda: _is(backend, "gone"))


async def _is(backend, what: str) -> bool:
    return backend.calls[-1:] == [what]
