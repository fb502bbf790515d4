"""Keys, one secret a purpose, from Secrets Manager: sign with AWSCURRENT, accept AWSPREVIOUS.

They are read again every five minutes, and at once when a token names a key that is not known, so that a rotation
needs neither a deploy nor a sign-out.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pyseto import Key, KeyInterface

from servicekit.aws import Aws
from servicekit.telemetry import record_failure

MAX_AGE_SECONDS = 300.0
MIN_REFETCH_SECONDS = 5.0

LoadKeys = Callable[[], Awaitable[Sequence[str]]]
"""Gives the PASERK strings of a secret, the current one first."""


def secret_versions(secrets_manager: Any, name: str) -> LoadKeys:
    """Read a secret's AWSCURRENT and, where there is one, AWSPREVIOUS."""

    async def load() -> Sequence[str]:
        found = [(await secrets_manager.get_secret_value(SecretId=name))["SecretString"]]
        try:
            previous = await secrets_manager.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
        except secrets_manager.exceptions.ResourceNotFoundException:
            return found
        return [*found, previous["SecretString"]]

    return load


async def key_ring(aws: Aws, secret: str) -> "KeyRing":
    """The key ring of a secret in Secrets Manager, by the secret's name."""
    return KeyRing(secret_versions(await aws.client("secretsmanager"), secret))


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
        """The key that a token names, current or previous; None if it is neither."""
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
                keys = [Key.from_paserk(paserk) for paserk in await self._load()]
            except Exception as error:
                if not self._keys:
                    raise
                record_failure("keys", error)
                return
            self._keys = {_key_id(key): key for key in keys}
            self._loaded_at = self._clock()

    def _due(self, max_age: float) -> bool:
        now = self._clock()
        return not self._keys or (now - self._loaded_at > max_age and now - self._tried_at > MIN_REFETCH_SECONDS)


def _key_id(key: KeyInterface) -> str:
    """The id that tokens name: of a secret key the id of its public half, which is what a verifier holds."""
    return str(key.to_peer_paserk_id() or key.to_paserk_id())
