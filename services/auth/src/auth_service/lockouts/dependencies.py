"""What counts tries, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth_service.audits.service import SecurityLog
from auth_service.lockouts.repository import TryRepository
from auth_service.lockouts.service import LockoutService
from auth_service.settings import AuthSettings
from servicekit.valkey import create_valkey


@asynccontextmanager
async def open_lockouts(settings: AuthSettings, log: SecurityLog) -> AsyncIterator[LockoutService]:
    """The counts, with connections of their own to Valkey."""
    async with create_valkey(settings.valkey_url, settings.client_name) as valkey:
        yield LockoutService(TryRepository(valkey, settings.resource_prefix), log)
