"""Rate limits in Valkey: the generic cell rate algorithm (GCRA). Decisions that are asked for together share a trip.

A limit is `requests` in `seconds`, all of which may come at once. Where Valkey is away, `closed` decides: limits on
secrets refuse, others let pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from servicekit.batching import Batcher
from servicekit.errors import DependencyUnavailable, RateLimited
from servicekit.telemetry import record_failure
from servicekit.valkey import UNAVAILABLE

_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {}
for n = 1, #KEYS do
  local interval, burst = tonumber(ARGV[2 * n - 1]), tonumber(ARGV[2 * n])
  local arrival = math.max(tonumber(redis.call('GET', KEYS[n]) or now), now)
  local ahead = arrival + interval - now
  if ahead > burst then
    answers[n] = {0, 0, math.ceil((ahead - burst) / 1000)}
  else
    redis.call('SET', KEYS[n], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000))
    answers[n] = {1, math.floor((burst - ahead) / interval), math.ceil(ahead / 1000)}
  end
end
return answers
"""
"""Whole microseconds, which a Lua number holds exactly: with fractions the last of a burst would depend on luck."""


@dataclass(frozen=True)
class Limit:
    """So many requests in so many seconds, for one key. `name` is told to the client."""

    name: str
    requests: int
    seconds: int
    closed: bool = False

    @property
    def policy(self) -> str:
        """The `RateLimit-Policy` member (draft-ietf-httpapi-ratelimit-headers)."""
        return f'"{self.name}";q={self.requests};w={self.seconds}'


@dataclass(frozen=True)
class Allowance:
    """What is left after a request that was let pass."""

    limit: Limit
    remaining: int
    reset_ms: int

    @property
    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy`."""
        reset = -(-self.reset_ms // 1000)
        return {
            "RateLimit-Policy": self.limit.policy,
            "RateLimit": f'"{self.limit.name}";r={self.remaining};t={reset}',
        }


class RateLimiter:
    """Counts requests by key."""

    def __init__(self, client: Any, namespace: str) -> None:
        self._script = client.register_script(_SCRIPT)
        self._namespace = namespace
        self._questions: Batcher[tuple[str, int, int], list[int]] = Batcher(self._ask)

    async def take(self, limit: Limit, key: str) -> Allowance:
        """Count one request; raises `RateLimited`, or `DependencyUnavailable` for a closed limit without Valkey."""
        interval = limit.seconds * 1_000_000 // limit.requests
        try:
            allowed, remaining, milliseconds = await self._questions.submit(
                (f"{self._namespace}:limit:{limit.name}:{key}", interval, interval * limit.requests)
            )
        except UNAVAILABLE as error:
            record_failure("rate_limit", error, limit=limit.name)
            if limit.closed:
                raise DependencyUnavailable("The limits cannot be checked at the moment.") from error
            return Allowance(limit, limit.requests, 0)
        if not allowed:
            seconds = -(-milliseconds // 1000)
            refusal = RateLimited(f"More than {limit.requests} requests in {limit.seconds} seconds.")
            refusal.headers = {"Retry-After": str(seconds), **Allowance(limit, 0, milliseconds).headers}
            raise refusal
        return Allowance(limit, remaining, milliseconds)

    async def _ask(self, questions: Sequence[tuple[str, int, int]]) -> list[list[int]]:
        numbers = [number for _, interval, burst in questions for number in (interval, burst)]
        answers: list[list[int]] = await self._script(keys=[key for key, _, _ in questions], args=numbers)
        return answers
