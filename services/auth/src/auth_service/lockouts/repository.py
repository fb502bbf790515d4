"""Counts of tries, in Valkey.

Decision: Valkey and not DynamoDB. A count is read and moved in one step before each try, known login or not, and
forgets itself; losing them all gives every login its first five tries anew, which the gateway's limits bound. Without
Valkey there is no try: limits on secrets fail closed.
"""

from typing import Any

from auth_service.lockouts.domain import FAMILIAR_SECONDS, MEMORY_SECONDS, Delays, subject_of
from auth_service.lockouts.errors import LockedOut
from auth_service.lockouts.models import Try
from servicekit.errors import DependencyUnavailable
from servicekit.telemetry import record_failure
from servicekit.valkey import UNAVAILABLE

_BEGIN = """
local key = redis.call('EXISTS', KEYS[2]) == 1 and KEYS[3] or KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = tonumber(redis.call('HGET', key, 'until') or 0) - now
if wait > 0 then return {key, wait, 0} end
local tries = redis.call('HINCRBY', key, 'tries', 1)
local free, first, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local delay = tries < free and 0 or math.min(longest, first * 2 ^ math.min(tries - free, 32))
redis.call('HSET', key, 'until', string.format('%.0f', now + delay * 1000))
redis.call('EXPIRE', key, ARGV[4])
return {key, 0, delay}
"""
"""A try counts before it is made: of many at once no more come through than one after the other."""

_TAKE_BACK = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'tries', -1)
  redis.call('HSET', KEYS[1], 'until', 0)
end
"""


class TryRepository:
    """Counts tries."""

    def __init__(self, valkey: Any, namespace: str) -> None:
        self._valkey = valkey
        self._begin = valkey.register_script(_BEGIN)
        self._take_back = valkey.register_script(_TAKE_BACK)
        self._namespace = f"{namespace}:tries"

    async def begin(self, delays: Delays, login: str, network: str) -> Try:
        """Count a try; raises `LockedOut` while the last one costs, and `DependencyUnavailable` without Valkey."""
        strangers = f"{self._namespace}:{delays.kind}:{subject_of(login)}"
        nearby = f"{strangers}:{subject_of(network)}"
        mark = f"{self._namespace}:familiar:{subject_of(f'{login} {network}')}"
        try:
            key, wait, cost = await self._begin(
                keys=[strangers, mark, nearby], args=[delays.free, delays.first, delays.longest, MEMORY_SECONDS]
            )
        except UNAVAILABLE as error:
            record_failure("lockouts", error)
            raise DependencyUnavailable("Tries cannot be counted at the moment.") from error
        if wait:
            raise LockedOut(-(-wait // 1000))
        return Try(key.decode(), mark if network else "", cost)

    async def take_back(self, made: Try) -> None:
        """Uncount a try that came to no answer."""
        await self._attempt(self._take_back(keys=[made.key]))

    async def succeed(self, made: Try) -> None:
        """Forget the tries that a success ends, and know its network from now on."""
        async with self._valkey.pipeline(transaction=False) as pipeline:
            pipeline.delete(made.key)
            if made.mark:
                pipeline.set(made.mark, 1, ex=FAMILIAR_SECONDS)
            await self._attempt(pipeline.execute())

    async def forget(self, delays: Delays, login: str) -> None:
        """Forget the tries of strangers at a login."""
        await self._attempt(self._valkey.delete(f"{self._namespace}:{delays.kind}:{subject_of(login)}"))

    @staticmethod
    async def _attempt(call: Any) -> None:
        """What fails here leaves a count too high, which time mends; it must not undo what was tried."""
        try:
            await call
        except UNAVAILABLE as error:
            record_failure("lockouts", error)
