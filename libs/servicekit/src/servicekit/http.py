"""Calls to our services: signed, traced, bounded in time, retried when that is safe, cut off while the peer fails."""

import time
from collections.abc import Callable
from typing import Any

import httpx
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from messenger_contracts.identity import IDENTITY_HEADER
from servicekit.errors import DependencyUnavailable
from servicekit.telemetry import inject_trace, meter

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
ATTEMPTS = 3
_calls = meter.create_counter("http.client.calls", description="Calls to our own services, by peer and outcome")


class Breaker:
    """Stops calling a peer for a while after it failed several times in a row, then lets one call try."""

    def __init__(self, failures: int = 5, seconds: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._failed = 0
        self._open_until = 0.0

    def check(self) -> None:
        """Raise `DependencyUnavailable` while the peer is cut off, to all but the one call that tries."""
        if self._failed < self._limit:
            return
        now = self._clock()
        if now < self._open_until:
            raise DependencyUnavailable
        self._open_until = now + self._seconds

    def succeeded(self) -> None:
        """Note that the peer answered."""
        self._failed = 0

    def failed(self) -> None:
        """Note that the peer did not answer."""
        self._failed += 1
        self._open_until = self._clock() + self._seconds


class _Unreached(Exception):
    """The call may not have reached the peer, or the peer said that it is not able to serve."""


class ServiceClient:
    """Speaks to one of our services."""

    def __init__(self, name: str, url: str, *, timeout: float = 10.0) -> None:
        self._name = name
        self._breaker = Breaker()
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(timeout, connect=1.0),
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        identity: str,
        *,
        content: bytes | None = None,
        params: Any = None,
        headers: dict[str, str] | None = None,
        retry: bool | None = None,
    ) -> httpx.Response:
        """Ask with a signed identity. The answer may have any status but 502, 503 and 504.

        The gateway signs one for its caller; a service passes on the one that it was asked with.

        Idempotent methods are retried, others only when `retry` says that a second try is harmless.
        Raises `DependencyUnavailable` when the service cannot be reached.
        """
        sent = {**(headers or {}), IDENTITY_HEADER: identity}
        inject_trace(sent)
        attempts = ATTEMPTS if (retry if retry is not None else method in IDEMPOTENT) else 1
        request = self._client.build_request(method, path, content=content, params=params, headers=sent)
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(attempts),
                wait=wait_random_exponential(multiplier=0.05, max=1.0),
                retry=retry_if_exception_type(_Unreached),
            ):
                with attempt:
                    return await self._once(request)
        except RetryError as error:
            raise DependencyUnavailable from error
        raise DependencyUnavailable

    async def _once(self, request: httpx.Request) -> httpx.Response:
        self._breaker.check()
        try:
            response = await self._client.send(request)
        except httpx.TransportError as error:
            self._breaker.failed()
            _calls.add(1, {"peer": self._name, "outcome": type(error).__name__})
            raise _Unreached from error
        _calls.add(1, {"peer": self._name, "outcome": str(response.status_code)})
        if response.status_code in (502, 503, 504):
            self._breaker.failed()
            raise _Unreached
        self._breaker.succeeded()
        return response
