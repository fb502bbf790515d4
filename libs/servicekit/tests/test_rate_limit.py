"""Limits on a real Valkey. Time is turned by moving the stored arrival time into the past."""

from typing import Any

import pytest

from servicekit.errors import DependencyUnavailable, RateLimited
from servicekit.rate_limit import Limit, RateLimiter

LIMIT = Limit("sends", requests=3, seconds=60)


@pytest.fixture
def limiter(valkey: Any, namespace: str) -> RateLimiter:
    return RateLimiter(valkey, namespace)


async def _pass_time(valkey: Any, namespace: str, seconds: int, key: str = "ann") -> None:
    name = f"{namespace}:limit:{LIMIT.name}:{key}"
    await valkey.incrby(name, -seconds * 1_000_000)


@pytest.mark.parametrize(
    "limit", [LIMIT, Limit("odd", requests=7, seconds=60), Limit("many", requests=500, seconds=86_400)]
)
async def test_a_burst_passes_to_the_last(limiter: RateLimiter, limit: Limit) -> None:
    remaining = [(await limiter.take(limit, "ann")).remaining for _ in range(limit.requests)]

    assert remaining[0] == limit.requests - 1
    assert remaining == sorted(remaining, reverse=True)


async def test_what_is_beyond_the_burst_is_refused(limiter: RateLimiter) -> None:
    for _ in range(3):
        await limiter.take(LIMIT, "ann")

    with pytest.raises(RateLimited):
        await limiter.take(LIMIT, "ann")


async def test_one_person_s_requests_do_not_count_for_another(limiter: RateLimiter) -> None:
    for _ in range(3):
        await limiter.take(LIMIT, "ann")

    assert (await limiter.take(LIMIT, "bob")).remaining == 2


async def test_a_refusal_says_when_to_come_back(limiter: RateLimiter) -> None:
    for _ in range(3):
        await limiter.take(LIMIT, "ann")
    with pytest.raises(RateLimited) as refused:
        await limiter.take(LIMIT, "ann")

    assert refused.value.headers == {
        "Retry-After": "20",
        "RateLimit-Policy": '"sends";q=3;w=60',
        "RateLimit": '"sends";r=0;t=20',
    }


async def test_an_allowance_says_what_is_left(limiter: RateLimiter) -> None:
    allowance = await limiter.take(LIMIT, "ann")

    assert allowance.headers == {"RateLimit-Policy": '"sends";q=3;w=60', "RateLimit": '"sends";r=2;t=20'}


async def test_requests_come_back_one_by_one(valkey: Any, namespace: str, limiter: RateLimiter) -> None:
    for _ in range(3):
        await limiter.take(LIMIT, "ann")

    await _pass_time(valkey, namespace, 20)

    assert (await limiter.take(LIMIT, "ann")).remaining == 0
    with pytest.raises(RateLimited):
        await limiter.take(LIMIT, "ann")


async def test_a_refused_request_costs_nothing(valkey: Any, namespace: str, limiter: RateLimiter) -> None:
    for _ in range(3):
        await limiter.take(LIMIT, "ann")
    for _ in range(10):
        with pytest.raises(RateLimited):
            await limiter.take(LIMIT, "ann")

    await _pass_time(valkey, namespace, 20)

    assert (await limiter.take(LIMIT, "ann")).remaining == 0


async def test_what_is_full_again_is_forgotten(valkey: Any, namespace: str, limiter: RateLimiter) -> None:
    await limiter.take(LIMIT, "ann")

    lifetime = await valkey.pttl(f"{namespace}:limit:sends:ann")

    assert 0 < lifetime <= 20_000


async def test_without_valkey_an_open_limit_lets_pass(absent_valkey: Any) -> None:
    allowance = await RateLimiter(absent_valkey, "t").take(LIMIT, "ann")

    assert allowance.remaining == 3


async def test_without_valkey_a_closed_limit_refuses(absent_valkey: Any) -> None:
    with pytest.raises(DependencyUnavailable):
        await RateLimiter(absent_valkey, "t").take(Limit("sign-in", 3, 60, closed=True), "ann")
