"""Keys, one secret a purpose, from Secrets Manager.

They are read again every five minutes, and at once when a token names a key that is not known, so that a rotation
needs neither a deploy nor a sign-out. Two rules keep a good token from meeting a process that does not know its key
(docs/decisions/0010-key-rotation.md):

- AWSCURRENT makes tokens once it is twice as old as a process may hold its keys without looking; until then the one
  before it does. By then everybody has read it.
- Four versions are accepted: the current one, the two before it, and the one that a rotation is about to make current.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from pyseto import Key, KeyInterface
from pyseto.exceptions import PysetoError

from servicekit.aws import Aws
from servicekit.telemetry import record_failure

MAX_AGE_SECONDS = 300.0
MIN_REFETCH_SECONDS = 5.0
CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
RETIRED = "RETIRED"
"""Our own label, on the version that was AWSPREVIOUS before; see `rotation`."""

LoadKeys = Callable[[], Awaitable[Sequence[str]]]
"""Gives the PASERK strings of a secret, first the one that makes tokens."""


def secret_versions(
    secrets_manager: Any, name: str, *, max_age: float = MAX_AGE_SECONDS, now: Callable[[], float] = time.time
) -> LoadKeys:
    """Read a secret's versions that are accepted. `max_age`: how long any process may hold what it read, in seconds."""

    async def read(stage: str) -> tuple[str, datetime] | None:
        try:
            version = await secrets_manager.get_secret_value(SecretId=name, VersionStage=stage)
        except secrets_manager.exceptions.ResourceNotFoundException:
            if stage == CURRENT:
                raise
            return None
        return version["SecretString"], version["CreatedDate"]

    async def load() -> Sequence[str]:
        """Label by label, in the order in which a rotation moves a version on: read at once, one could slip through."""
        pending, current, previous, retired = [await read(stage) for stage in (PENDING, CURRENT, PREVIOUS, RETIRED)]
        young = current and now() - current[1].timestamp() < 2 * max(max_age, MIN_REFETCH_SECONDS)
        ranked = (previous, current, retired, pending) if young else (current, previous, retired, pending)
        return [version[0] for version in ranked if version]

    return load


async def key_ring(aws: Aws, secret: str, max_age: float = MAX_AGE_SECONDS) -> "KeyRing":
    """The key ring of a secret in Secrets Manager, by the secret's name."""
    manager = await aws.client("secretsmanager")
    return KeyRing(secret_versions(manager, secret, max_age=max_age), max_age=max_age)


class KeyRing:
    """The keys of one purpose, kept fresh."""

    def __init__(
        self, load: LoadKeys, *, max_age: float = MAX_AGE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._max_age = max_age
        self._clock = clock
        self._loaded_at = self._tried_at = float("-inf")
        self._keys: dict[str, KeyInterface] = {}
        self._lock = asyncio.Lock()

    async def current(self) -> tuple[str, KeyInterface]:
        """The key to sign or seal with, and its id (PASERK k4.lid or k4.pid)."""
        await self._refresh(self._max_age)
        return next(iter(self._keys.items()))

    async def find(self, key_id: str) -> KeyInterface | None:
        """The key that a token names; None if it is none of those that are accepted."""
        await self._refresh(self._max_age)
        if key_id not in self._keys:
            await self._refresh(MIN_REFETCH_SECONDS)
        return self._keys.get(key_id)

    async def _refresh(self, max_age: float) -> None:
        """Load what is older than `max_age`. While Secrets Manager is away, the keys that are held stay good."""
        if not self._due(max_age):
            return
        async with self._lock:
            if not self._due(max_age):
                return
            self._tried_at = self._clock()
            try:
                keys = _parsed(await self._load())
            except Exception as error:
                if not self._keys:
                    raise
                record_failure("keys", error)
                return
            self._keys = {_key_id(key): key for key in keys}
            self._loaded_at = self._tried_at  # what was read is as of then, however long reading took

    def _due(self, max_age: float) -> bool:
        now = self._clock()
        return not self._keys or (now - self._loaded_at > max_age and now - self._tried_at > MIN_REFETCH_SECONDS)


def _parsed(paserks: Sequence[str]) -> list[KeyInterface]:
    """Keys of their PASERK strings. One that only reads, and is none, must not keep the others from their work."""
    first, *others = paserks
    keys = [Key.from_paserk(first)]
    for paserk in others:
        try:
            keys.append(Key.from_paserk(paserk))
        except (PysetoError, ValueError, LookupError) as error:
            record_failure("keys", error)
    return keys


def _key_id(key: KeyInterface) -> str:
    """The id that tokens name: of a secret key the id of its public half, which is what a verifier holds."""
    return str(key.to_peer_paserk_id() or key.to_paserk_id())
