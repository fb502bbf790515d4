"""Notices that a key was rotated. A rotation runs outside of the suite and has no outbox, so the worker looks.

The log's entry bears the version's id, so that of many looks, and of many workers, one writes it.
"""

from collections.abc import Sequence

from auth_service.audits.service import SecurityLog
from auth_service.rotations.repository import VersionRepository
from messenger_contracts.events.auth import KeyRotated

WATCHED = (
    *("auth-flow", "auth-oidc", "auth-session", "auth-active-session", "auth-known-device", "auth-realtime-ticket"),
    *("auth-identity-private", "auth-receipt-private", "gateway-identity-public", "chat-identity-public"),
)
"""The secrets that auth may read, of a pair one half. Other keys are for cursors: they open nothing."""


class RotationWatch:
    """Looks at secrets."""

    def __init__(self, versions: VersionRepository, log: SecurityLog, secrets: Sequence[str] = WATCHED) -> None:
        self._versions = versions
        self._log = log
        self._secrets = secrets

    async def step(self) -> bool:
        """Log the rotations that were not logged yet; there is never more to do at once."""
        for secret in self._secrets:
            if version := await self._versions.successor(secret):
                await self._log.write_once(KeyRotated(purpose=secret, version=version), version)
        return False
