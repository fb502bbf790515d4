"""Applies the limits to a request.

A request that takes a secret is counted thrice: by address, by the account that it names, and by its device. Tries at
an account from devices on which its person has signed in are counted by device, and not with those of strangers: who
guesses at an account from elsewhere, however often, does not keep its person out.
"""

import asyncio

from gateway_service.limits.domain import is_at_home, origin_of
from gateway_service.settings import GatewaySettings
from messenger_contracts.browsers import KnownDevice
from servicekit.errors import Unauthenticated
from servicekit.rate_limit import Allowance, RateLimiter
from servicekit.tokens import Tokens


class LimitService:
    """Counts requests against the limits that the settings name. `devices` opens what devices are known by."""

    def __init__(self, limiter: RateLimiter, devices: Tokens, settings: GatewaySettings) -> None:
        self._limiter = limiter
        self._devices = devices
        self._user = settings.user_limit()
        self._address = settings.address_limit()
        self._secret = settings.secret_limit()
        self._account = settings.account_limit()
        self._device = settings.device_limit()

    async def user(self, user_id: str) -> dict[str, str]:
        """Count a person's request; gives the headers of the answer."""
        return (await self._limiter.take(self._user, user_id)).headers

    async def address(self, address: str) -> dict[str, str]:
        """Count a request that nobody signed."""
        return (await self._limiter.take(self._address, origin_of(address))).headers

    async def secret(self, route: str, address: str, account: str | None, device: str | None) -> dict[str, str]:
        """Count a request that takes a secret, by route; gives the headers of the limit that is nearest.

        `account` stands for the account, `device` is the token of the device; either may be unknown.
        """
        known = await self._known(device)
        counts = [(self._secret, origin_of(address))]
        if known:
            counts.append((self._device, known.id))
        if account and not (known and is_at_home(known, account)):
            counts.append((self._account, account))
        taken = await asyncio.gather(*(self._limiter.take(limit, f"{route}:{key}") for limit, key in counts))
        return min(taken, key=_share_left).headers

    async def _known(self, token: str | None) -> KnownDevice | None:
        if not token:
            return None
        try:
            return KnownDevice.model_validate(await self._devices.read(token))
        except Unauthenticated:
            return None


def _share_left(allowance: Allowance) -> float:
    return allowance.remaining / allowance.limit.requests
