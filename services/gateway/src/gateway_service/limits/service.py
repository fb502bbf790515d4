"""Applies the limits to a request."""

from gateway_service.settings import GatewaySettings
from servicekit.rate_limit import Limit, RateLimiter


class LimitService:
    """Counts requests against the limits that the settings name."""

    def __init__(self, limiter: RateLimiter, settings: GatewaySettings) -> None:
        self._limiter = limiter
        self._user = settings.user_limit()
        self._address = settings.address_limit()
        self._secret = settings.secret_limit()

    async def user(self, user_id: str) -> dict[str, str]:
        """Count a person's request; gives the headers of the answer."""
        return await self._take(self._user, user_id)

    async def address(self, address: str) -> dict[str, str]:
        """Count a request that nobody signed."""
        return await self._take(self._address, address)

    async def secret(self, path: str, address: str) -> dict[str, str]:
        """Count a request that takes a secret, by route and address."""
        return await self._take(self._secret, f"{path}:{address}")

    async def _take(self, limit: Limit, key: str) -> dict[str, str]:
        return (await self._limiter.take(limit, key)).headers
