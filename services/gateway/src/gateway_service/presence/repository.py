"""How people are, in Valkey: for each person a hash of what the gateways say, each for a while, and what was told last.

A gateway that dies takes its word with it when that has expired.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from messenger_contracts.realtime import PresenceState

KEPT_SECONDS = 7 * 24 * 3600
"""How long it is known when somebody was there last."""

_SCRIPT = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local gateway, word, life, kept = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if gateway ~= '' then
  if word == '' then
    redis.call('HDEL', KEYS[1], gateway)
  else
    redis.call('HSET', KEYS[1], gateway, string.format('%.0f', now + life) .. ':' .. word)
  end
end
local rank, names, best = {away = 1, online = 2, offline = 3}, {'away', 'online', 'offline'}, 0
local told, at, all = 'offline', '', redis.call('HGETALL', KEYS[1])
for n = 1, #all, 2 do
  local name, value = all[n], all[n + 1]
  if name == 'told' then told = value
  elseif name == 'at' then at = value
  else
    local deadline, state = string.match(value, '^(%d+):(%a+)$')
    if tonumber(deadline) > now then best = math.max(best, rank[state]) else redis.call('HDEL', KEYS[1], name) end
  end
end
local shown = names[best] or 'offline'
if gateway ~= '' then
  if shown ~= 'offline' then at = string.format('%.0f', now) end
  redis.call('HSET', KEYS[1], 'told', shown, 'at', at)
  redis.call('PEXPIRE', KEYS[1], kept)
end
return {shown, shown ~= told and 1 or 0, at}
"""


class Shown(NamedTuple):
    """How a person looks to others, whether that is news, and when (Unix milliseconds) the person was there last."""

    state: PresenceState
    changed: bool
    at: int | None


class PresenceRepository:
    """Keeps and reads how people are. Each call is one round trip; without Valkey it raises `valkey.UNAVAILABLE`."""

    def __init__(self, client: Any, namespace: str, seconds: float) -> None:
        self._client = client
        self._namespace = namespace
        self._milliseconds = int(seconds * 1000)
        self._script = client.register_script(_SCRIPT)

    async def say(self, gateway: str, words: Sequence[tuple[str, PresenceState | None]]) -> list[Shown]:
        """Keep what a gateway says of people, None being nothing; gives how each looks now."""
        return await self._run([(person, gateway, word or "") for person, word in words])

    async def of(self, people: Sequence[str]) -> list[Shown]:
        """How people look now."""
        return await self._run([(person, "", "") for person in people])

    async def _run(self, calls: Sequence[tuple[str, str, str]]) -> list[Shown]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for person, gateway, word in calls:
                args = [gateway, word, self._milliseconds, KEPT_SECONDS * 1000]
                await self._script(keys=[f"{self._namespace}:presence:{person}"], args=args, client=pipeline)
            answers = await pipeline.execute()
        return [Shown(state.decode(), bool(changed), int(at) if at else None) for state, changed, at in answers]
