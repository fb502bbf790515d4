"""Web sites on loopback that answer byte by byte what a test wants, and a fetcher that may reach them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from chat_service.previews.domain import Address, is_public
from chat_service.previews.fetcher import FetchLimits, PageFetcher, Policy, Resolve

HOME = "127.0.0.1"
"""The one address of loopback that the tests' policy takes for public."""

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


class Wire:
    """Answers as they go over the wire; the end of one is the connection's."""

    @staticmethod
    def answer(body: bytes = b"", status: str = "200 OK", content_type: str = "text/html", **headers: str) -> bytes:
        """An answer."""
        named = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body

    @classmethod
    def redirect(cls, location: str, status: str = "302 Found") -> bytes:
        """An answer that sends elsewhere."""
        return cls.answer(status=status, Location=location)


@pytest.fixture
def wire() -> type[Wire]:
    """How to write answers."""
    return Wire


@dataclass
class Site:
    """A server. What was asked of it stands in `requests`, by path in the order of arrival."""

    pages: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    serving: set["asyncio.Task[None] | None"] = field(default_factory=set)

    async def end(self) -> None:
        """Let go of whom it still keeps waiting."""
        waiting = [task for task in self.serving if task and not task.done()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def url(self, path: str = "/", host: str = "page.example", scheme: str = "http") -> str:
        """The address of a page, at any of the names that lead here."""
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        self.serving.add(asyncio.current_task())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.splitlines()
            path = first.split()[1]
            self.requests.append(path)
            self.headers.append({k.lower(): v for k, _, v in (line.partition(": ") for line in lines if line)})
            page = self.pages.get(path) or Wire.answer(status="404 Not Found")
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the fetcher had enough
        finally:
            self.at_once -= 1
            writer.close()


Serve = Callable[..., Awaitable[Site]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start sites that run as long as the test."""
    async with AsyncExitStack() as servers:

        async def start(host: str = HOME, port: int = 0, tls: ssl.SSLContext | None = None) -> Site:
            site = Site()
            server = await asyncio.start_server(site.serve, host, port, ssl=tls)
            site.port = server.sockets[0].getsockname()[1]
            servers.push_async_callback(site.end)
            servers.callback(server.close)
            return site

        yield start


@pytest.fixture
async def site(serve: Serve) -> Site:
    """A site of the test's own."""
    return await serve()


class Names:
    """A name server: each name has answers, given one after the other, the last again and again."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[Address]:
        """The addresses of a name: this machine's for one that the test says nothing of."""
        self.asked.append(host)
        known = self.answers.get(host, [[HOME]])
        return [ip_address(address) for address in (known.pop(0) if len(known) > 1 else known[0])]


@pytest.fixture
def names() -> Names:
    """Names of the test's own."""
    return Names()


@pytest.fixture
def clock() -> list[float]:
    """A clock that the test moves: its one item, in seconds."""
    return [1_000.0]


MakeFetcher = Callable[..., PageFetcher]


@pytest.fixture
def make_fetcher(names: Names, clock: list[float]) -> MakeFetcher:
    """Make a fetcher that takes `HOME` for public, beside what is, and reaches the ports of some sites."""

    def make(
        *sites: Site,
        trust: ssl.SSLContext | None = None,
        resolve: Resolve = names,
        allows: Policy = lambda address: str(address) == HOME or is_public(address),
        **limits: float,
    ) -> PageFetcher:
        return PageFetcher(
            FetchLimits(**limits),
            resolve=resolve,
            allows=allows,
            ports=frozenset(site.port for site in sites),
            trust=trust,
            clock=lambda: clock[0],
        )

    return make


@pytest.fixture
def fetcher(make_fetcher: MakeFetcher, site: Site) -> PageFetcher:
    """A fetcher that reaches the site."""
    return make_fetcher(site)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of `page.example` with its key, which vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "page.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("page.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path_factory.mktemp("certificate") / "page.pem"
    path.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def trust(certificate: Path) -> ssl.SSLContext:
    """A client's trust in that certificate."""
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
async def secure(serve: Serve, certificate: Path) -> Site:
    """A site with that certificate; `names` holds the names that clients gave in their greeting."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site = await serve(tls=context)
    context.sni_callback = lambda _socket, name, _context: site.names.append(name)
    return site
