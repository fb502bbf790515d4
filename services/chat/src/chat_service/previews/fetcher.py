"""Fetches pages that strangers name, and reaches nothing that is not public.

Every connection, the first and each redirect's, is made by `_PublicNetwork`: it resolves the name once, judges all its
addresses, and connects to one of those it judged. A name that changes its address in between gains nothing by it.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpcore
import httpx

from chat_service.previews.domain import WEB_PORTS, Address, decode_page, is_public, linked, web_address
from chat_service.previews.errors import HostFailed, PageRefused
from servicekit.telemetry import meter

Resolve = Callable[[str], Awaitable[Sequence[Address]]]
Policy = Callable[[Address], bool]

USER_AGENT = "MessengerBot/1.0 (link previews)"
_ACCEPTED = frozenset({"text/html", "application/xhtml+xml"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEAD_END = re.compile(rb"</head[\s>]", re.IGNORECASE)
_ADDRESSES_TRIED = 2
_MAX_QUIET = 10_000  # hosts
_FAILURES = (HostFailed, OSError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)

_fetches = meter.create_counter("chat.previews.fetches", description="Pages asked for, by outcome")


@dataclass(frozen=True, slots=True)
class Page:
    """A page's beginning, and where it was found after redirects."""

    url: str
    html: str


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a fetch may cost. Times are in seconds."""

    at_once: int = 4
    seconds: float = 5.0
    connect_seconds: float = 2.0
    bytes: int = 512 * 1024
    redirects: int = 3
    quiet_seconds: float = 60.0


class NameResolver:
    """Asks the system for a name's addresses, on threads of its own: a name server that hangs delays nobody else."""

    def __init__(self, threads: int = 8) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str) -> Sequence[Address]:
        """Every address of a name. Raises `OSError` when it has none."""
        absolute = f"{host}."  # or the resolver would also try it below the domains of our own network
        ask = partial(socket.getaddrinfo, absolute, None, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [ip_address(str(place[0])) for *_, place in found]


class _PublicNetwork(httpcore.AsyncNetworkBackend):
    """Connects to a host that has allowed addresses alone, at one of the addresses that were looked at."""

    def __init__(self, resolve: Resolve, allows: Policy) -> None:
        self._resolve = resolve
        self._allows = allows
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect. Raises `HostFailed` for a host that has any address which is not allowed."""
        addresses = await self._addresses(host)
        if not addresses or not all(map(self._allows, addresses)):
            raise HostFailed
        *others, last = addresses[:_ADDRESSES_TRIED]
        for address in others:
            try:
                return await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(str(last), port, timeout, local_address, socket_options)

    async def _addresses(self, host: str) -> Sequence[Address]:
        try:
            return [ip_address(host)]
        except ValueError:
            return list(dict.fromkeys(await self._resolve(host)))


class _Quiet:
    """The hosts that failed a short while ago."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: dict[str, float] = {}

    def __contains__(self, host: str) -> bool:
        return self._until.get(host, 0.0) > self._clock()

    def add(self, host: str) -> None:
        """Leave a host alone from now on; of very many, those that failed first are forgotten."""
        self._until.pop(host, None)
        self._until[host] = self._clock() + self._seconds
        if len(self._until) > _MAX_QUIET:
            del self._until[next(iter(self._until))]


class PageFetcher:
    """Gets the beginning of a page. It sends nothing but the address, and keeps nothing but which hosts failed."""

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        resolve: Resolve | None = None,
        allows: Policy = is_public,
        ports: frozenset[int] = WEB_PORTS,
        trust: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or FetchLimits()
        self._network = _PublicNetwork(resolve or NameResolver(), allows)
        self._ports = ports
        self._trust = trust or httpx.create_ssl_context(trust_env=False)
        self._turns = asyncio.Semaphore(self._limits.at_once)
        self._quiet = _Quiet(self._limits.quiet_seconds, clock)

    async def fetch(self, url: str) -> Page | None:
        """The page behind a link; None when it is not to be had. Takes its turn, and then `limits.seconds` at most."""
        async with self._turns:
            hosts: list[str] = []
            try:
                async with asyncio.timeout(self._limits.seconds), self._pool() as pool:
                    page = await self._follow(pool, url, hosts)
            except PageRefused:
                _fetches.add(1, {"outcome": "refused"})
                return None
            except _FAILURES:
                self._quiet.add(hosts[-1])
                _fetches.add(1, {"outcome": "failed"})
                return None
            _fetches.add(1, {"outcome": "fetched"})
            return page

    def may_come_back(self, url: str) -> bool:
        """Whether another try makes sense where there was no page: the link's host failed a short while ago."""
        return (urlsplit(url).hostname or "") in self._quiet

    def _pool(self) -> httpcore.AsyncConnectionPool:
        """Connections for one fetch alone, and for one request each. httpcore knows no cookies and no proxies."""
        return httpcore.AsyncConnectionPool(
            ssl_context=self._trust, max_keepalive_connections=0, network_backend=self._network
        )

    async def _follow(self, pool: httpcore.AsyncConnectionPool, url: str, hosts: list[str]) -> Page:
        """Get a page through its redirects; `hosts` gets each host that is asked."""
        target = web_address(url, self._ports)
        for _ in range(self._limits.redirects + 1):
            if target is None:
                break
            here, place = target, urlsplit(target)
            host = place.hostname or ""
            if host in self._quiet:
                break
            hosts.append(host)
            headers: dict[bytes | str, bytes | str] = {
                "Host": place.netloc,
                "User-Agent": USER_AGENT,
                "Accept": ", ".join(sorted(_ACCEPTED)),
                "Accept-Encoding": "identity",  # nothing to unpack: no body that grows
                "Connection": "close",
            }
            timeouts = {"timeout": {"connect": self._limits.connect_seconds}}
            async with pool.stream("GET", here, headers=headers, extensions=timeouts) as response:
                received = _headers(response)
                if response.status not in _REDIRECTS:
                    return Page(here, await self._read(response, received))
            target = linked(here, received.get("location", ""), self._ports)
            if target and place.scheme == "https" and not target.startswith("https://"):
                break  # what a secure link shows may not come over an open wire
        raise PageRefused

    async def _read(self, response: httpcore.Response, headers: dict[str, str]) -> str:
        """Read a page to the end of its head, which must come early enough."""
        if response.status >= 500 or response.status == 429:
            raise HostFailed
        content_type = headers.get("content-type", "")
        is_page = content_type.partition(";")[0].strip().lower() in _ACCEPTED
        if response.status != 200 or not is_page or headers.get("content-encoding", "identity") != "identity":
            raise PageRefused
        body = bytearray()
        async for chunk in response.aiter_stream():
            seen = max(0, len(body) - len("</head>"))
            body += chunk
            head = _HEAD_END.search(body, seen)
            if (head.end() if head else len(body)) > self._limits.bytes:
                raise PageRefused
            if head:
                break
        return decode_page(bytes(body), content_type)


def _headers(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in response.headers}
