"""Every refusal that this slice can give, exactly as the contract words it."""

from uuid import uuid4

import httpx
import pytest

from messenger_contracts.problem import PROBLEM_MEDIA_TYPE, ErrorCode, Problem
from messengerctl.accounts import Wishes
from messengerctl.client import Client
from servicekit.testing import eventually

NOWHERE = "01900000-0000-7000-8000-00000000dead"

CASES = [
    ("POST", "/v1/auth/sign-up", {"json": {"username": "x"}}, False, ErrorCode.VALIDATION_FAILED),
    ("POST", "/v1/auth/sign-in", {"json": {"login": "nobody", "password": "w"}}, False, ErrorCode.UNAUTHENTICATED),
    ("POST", "/v1/auth/refresh", {"json": {"refresh_token": "forged"}}, False, ErrorCode.UNAUTHENTICATED),
    ("GET", "/v1/auth/me", {}, False, ErrorCode.UNAUTHENTICATED),
    ("GET", "/v1/auth/me", {"headers": {"authorization": "Bearer forged"}}, False, ErrorCode.UNAUTHENTICATED),
    ("GET", "/v1/conversations", {}, False, ErrorCode.UNAUTHENTICATED),
    ("GET", "/v1/conversations", {"params": {"cursor": "forged"}}, True, ErrorCode.VALIDATION_FAILED),
    ("GET", "/v1/conversations", {"params": {"limit": "201"}}, True, ErrorCode.VALIDATION_FAILED),
    ("GET", f"/v1/conversations/{NOWHERE}", {}, True, ErrorCode.NOT_MEMBER),
    ("GET", f"/v1/conversations/{NOWHERE}/events", {}, True, ErrorCode.NOT_MEMBER),
    ("PUT", f"/v1/conversations/{NOWHERE}/messages/{NOWHERE}", {"json": {"text": "x"}}, True, ErrorCode.NOT_MEMBER),
    ("POST", "/v1/conversations", {"content": b"{"}, True, ErrorCode.VALIDATION_FAILED),
    ("POST", "/v1/conversations", {"content": b"x" * 300_000}, True, ErrorCode.PAYLOAD_TOO_LARGE),
    ("POST", "/v1/conversations", {"data": {"kind": "direct"}}, True, ErrorCode.UNSUPPORTED_MEDIA),
    ("DELETE", "/v1/conversations", {}, True, ErrorCode.METHOD_NOT_ALLOWED),
    ("GET", "/v1/notifications", {"params": {"cursor": "forged"}}, True, ErrorCode.VALIDATION_FAILED),
    ("PATCH", f"/v1/notifications/{NOWHERE}", {"json": {"read": True}}, True, ErrorCode.NOT_FOUND),
    ("GET", "/v1/nothing", {}, True, ErrorCode.NOT_FOUND),
    ("GET", "/internal/people", {}, True, ErrorCode.NOT_FOUND),
]


def assert_problem(answer: httpx.Response, code: ErrorCode) -> Problem:
    """Hold an answer against the contract's table."""
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    problem = Problem.model_validate_json(answer.content)
    assert (problem.code, answer.status_code) == (code, code.status)
    assert (problem.status, problem.retryable) == (code.status, code.retryable)
    assert problem.instance == answer.request.url.path
    assert problem.trace_id
    return problem


def name_of(value: object) -> str | None:
    return value if isinstance(value, str) else None


@pytest.mark.parametrize(("method", "path", "options", "signed", "code"), CASES, ids=name_of)
async def test_a_refusal(suite, ada, method, path, options, signed, code):
    headers = {"authorization": f"Bearer {ada.access_token}"} if signed else {}
    headers |= {"content-type": "application/json"} if "content" in options else {}
    async with httpx.AsyncClient(base_url=suite.gateway) as http:
        answer = await http.request(method, path, **{"headers": headers, **options})
    assert_problem(answer, code)


async def test_an_expired_token_is_told_from_a_wrong_one(suite, short_lived):
    headers = {"authorization": f"Bearer {short_lived.access_token}"}
    async with httpx.AsyncClient(base_url=suite.gateway, headers=headers) as http:
        answers = [await http.get("/v1/auth/me")]

        async def refused() -> bool:
            answers.append(await http.get("/v1/auth/me"))
            return not answers[-1].is_success

        await eventually(refused)
    assert answers[0].is_success
    assert_problem(answers[-1], ErrorCode.TOKEN_EXPIRED)


async def test_what_is_wrong_with_a_field_is_pointed_at(suite):
    body = {"email": "no address", "username": "x", "password": "short"}
    async with httpx.AsyncClient(base_url=suite.gateway) as http:
        problem = assert_problem(await http.post("/v1/auth/sign-up", json=body), ErrorCode.VALIDATION_FAILED)
    assert {error.pointer for error in problem.errors} == {"/email", "/username", "/password"}


async def test_a_taken_username_is_a_conflict(suite, ada):
    body = {"email": f"{uuid4().hex}@example.com", "username": ada.username, "password": "quite long enough"}
    async with httpx.AsyncClient(base_url=suite.gateway) as http:
        assert_problem(await http.post("/v1/auth/sign-up", json=body), ErrorCode.CONFLICT)


async def test_signing_in_before_the_address_is_verified_is_forbidden(suite):
    wishes = Wishes()
    async with Client(suite.gateway) as client:
        await client.sign_up(wishes.email, wishes.username, wishes.password)
        body = {"login": wishes.username, "password": wishes.password}
        assert_problem(await client.http.post("/v1/auth/sign-in", json=body), ErrorCode.FORBIDDEN)


async def test_too_many_tries_of_a_secret_are_limited(suite):
    """The route that no other test uses, so that none of them pays."""
    async with httpx.AsyncClient(base_url=suite.gateway) as http:
        for _ in range(100):
            answer = await http.post("/v1/auth/verify-email/resend", json={"flow": "forged"})
            if answer.status_code == ErrorCode.RATE_LIMITED.status:
                break
    assert_problem(answer, ErrorCode.RATE_LIMITED)
    assert int(answer.headers["retry-after"]) > 0
    assert {"ratelimit", "ratelimit-policy"} <= answer.headers.keys()
