"""Calls to our services: signed, traced, bounded in time, retried when that is safe, cut off while the peer fails."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlencode

import aiohttp
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from yarl import URL

from messenger_contracts.identity import IDENTITY_HEADER
from servicekit.errors import DependencyUnavailable
from servicekit.telemetry import inject_trace, meter

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
ATTEMPTS = 3
CONNECTIONS = 256
KEPT_SECONDS = 60.0
"""Shorter than our servers keep a connection, so that they do not close one that is just taken."""
_PATH = "/:@!$&'()*+,;="
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer answered; the names of headers are in lower case. `cookies` is each `Set-Cookie` as it came."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    cookies: Sequence[str] = ()

    @property
    def is_success(self) -> bool:
        """Whether the peer did what it was asked."""
        return 200 <= self.status_code < 300

    def raise_for_status(self) -> "Answer":
        """The answer itself; raises `DependencyUnavailable` unless the peer did what it was asked."""
        if not self.is_success:
            raise DependencyUnavailable
        return self


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: URL
    content: bytes | None
    headers: dict[str, str]


class _Unreached(Exception):
    """The call may not have reached the peer, or the peer said that it is not able to serve."""


class ServiceClient:
    """Speaks to one of our services, over connections that are kept.

    Use it as a context; made, used and closed inside one event loop.
    """

    def __init__(self, name: str, url: str, *, timeout: float = 10.0, connections: int = CONNECTIONS) -> None:
        self._name = name
        self._url = url.rstrip("/")
        self._breaker = Breaker()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEPT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=1.0),
            skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        identity: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
    ) -> Answer:
        """Ask with a signed identity. The answer may have any status but 502, 503 and 504.

        The gateway signs one for its caller; a service passes on the one that it was asked with. `path` is taken as it
        is read, without escapes; `params` as bytes is a query as it is written.

        Idempotent methods are retried, others only when `retry` says that a second try is harmless.
        Raises `DependencyUnavailable` when the service cannot be reached.
        """
        sent = {**(headers or {}), IDENTITY_HEADER: identity}
        inject_trace(sent)
        attempts = ATTEMPTS if (retry if retry is not None else method in IDEMPOTENT) else 1
        request = _Request(method, self._target(path, params), content, sent)
        try:
            return await self._once(request)
        except _Unreached as error:
            if attempts == 1:
                raise DependencyUnavailable from error
            return await self._again(request, attempts, error)

    async def _again(self, request: _Request, attempts: int, first: _Unreached) -> Answer:
        """Try on after the first attempt failed.

        That one is made without tenacity, which leaves cycles behind: at a hundred calls a second they alone kept the
        garbage collector busy, and everybody waiting for up to 90 ms every nine seconds.
        """
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(attempts),
                wait=wait_random_exponential(multiplier=0.05, max=1.0),
                retry=retry_if_exception_type(_Unreached),
            ):
                with attempt:
                    if attempt.retry_state.attempt_number == 1:
                        raise first
                    return await self._once(request)
        except RetryError as error:
            raise DependencyUnavailable from error
        raise DependencyUnavailable

    def _target(self, path: str, params: Mapping[str, str] | bytes | None) -> URL:
        query = params.decode("latin-1") if isinstance(params, bytes) else urlencode(params or {})
        return URL(f"{self._url}{quote(path, safe=_PATH)}{'?' if query else ''}{query}", encoded=True)

    async def _once(self, request: _Request) -> Answer:
        self._breaker.check()
        try:
            async with self._session.request(
                request.method, request.url, data=request.content, headers=request.headers, allow_redirects=False
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._breaker.failed()
            _calls.add(1, {"peer": self._name, "outcome": type(error).__name__})
            raise _Unreached from error
        _calls.add(1, {"peer": self._name, "outcome": str(response.status)})
        if response.status in (502, 503, 504):
            self._breaker.failed()
            raise _Unreached
        self._breaker.succeeded()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, content, response.headers.getall("set-cookie", ()))
