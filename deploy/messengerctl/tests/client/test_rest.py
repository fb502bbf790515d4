"""Requests are repeated when that is harmless, and tokens are refreshed when they must be, once."""

import asyncio

import httpx
import pytest

from messengerctl.client import Client, Refused, Tokens, Unreachable

PROBLEM = {"code": "dependency_unavailable", "retryable": True, "detail": "later"}
EVENTS = {"items": [], "epoch": "e", "last_seq": 0}


def client(handler, expires_at=float("inf")):
    return Client("http://test", Tokens("old", "r", expires_at), transport=httpx.MockTransport(handler))


async def test_a_retryable_refusal_is_asked_again():
    answers = iter([httpx.Response(503, json=PROBLEM), httpx.Response(200, json=EVENTS)])
    async with client(lambda _: next(answers)) as asking:
        assert (await asking.events("c", 0)).last_seq == 0


async def test_a_lost_answer_is_asked_for_again():
    answers = iter([httpx.ReadError("cut"), httpx.Response(200, json=EVENTS)])

    def answer(_: httpx.Request) -> httpx.Response:
        outcome = next(answers)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async with client(answer) as asking:
        assert (await asking.events("c", 0)).last_seq == 0


async def test_a_request_that_creates_an_account_is_not_repeated():
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut")

    async with client(answer) as asking:
        with pytest.raises(Unreachable):
            await asking.sign_up("a@b.c", "ada", "password")


async def test_a_refusal_tells_code_and_pause():
    refusal = httpx.Response(429, json={**PROBLEM, "code": "rate_limited"}, headers={"retry-after": "7"})
    async with client(lambda _: refusal) as asking:
        with pytest.raises(Refused) as refused:
            await asking.request("GET", "/v1/auth/me")
    assert (refused.value.code, refused.value.retry_after) == ("rate_limited", 7)


async def test_an_answer_that_is_no_problem_document_is_a_refusal_all_the_same():
    async with client(lambda _: httpx.Response(502, text="bad gateway")) as asking:
        with pytest.raises(Refused, match="http_502"):
            await asking.request("GET", "/v1/auth/me")


@pytest.mark.parametrize("expires_at", [0.0, float("inf")], ids=["known to be stale", "refused as expired"])
async def test_tokens_are_refreshed_once_however_many_ask(expires_at):
    refreshes = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/auth/refresh":
            refreshes.append(request)
            return httpx.Response(200, json={"access_token": "new", "refresh_token": "r2", "expires_in": 3600})
        if request.headers["authorization"] == "Bearer old":
            return httpx.Response(401, json={"code": "token_expired", "detail": "expired"})
        return httpx.Response(200, json=EVENTS)

    async with client(answer, expires_at) as asking:
        await asyncio.gather(*(asking.events("c", 0) for _ in range(5)))
        assert len(refreshes) == 1
        assert asking.tokens.refresh_token == "r2"


async def test_a_group_whose_answer_was_lost_is_asked_for_under_the_same_key(gateway):
    keys = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.ReadError("cut")
        return httpx.Response(201, json=gateway.conversation() | {"kind": "group", "title": "us"})

    async with client(answer) as asking:
        assert (await asking.create_group("us", ["bob", "eve"])).title == "us"
    assert keys[0] == keys[1]
