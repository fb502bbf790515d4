"""The least of an XMPP client (RFC 6120, 6121): signs in, sends chat messages, and tells which ones came."""

import asyncio
import base64
import re
from collections.abc import Callable

from ..saturation import TEXT
from ..wire import Lost

DOMAIN = "localhost"
_HEADER = (
    f"<stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
).encode()
_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
_BIND = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
_END = b"</message>"
_START = re.compile(rb"<message ([^>]*)>")
_ID = re.compile(rb"(?:^| )id='([^']*)'")
_REFUSALS = (b"<stream:error", b"</stream:stream>", b"type='error'")


class Stream:
    """The connection of one account. `take` is called with the id of every message, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, take: Callable[[str], None]) -> None:
        self._reader = reader
        self._writer = writer
        self._take = take
        self.ended: asyncio.Task[None]

    @classmethod
    async def open(cls, port: int, account: str, password: str, take: Callable[[str], None]) -> "Stream":
        """Connect and become available; raises `Lost`, `OSError` or `TimeoutError`."""
        async with asyncio.timeout(10):
            stream = cls(*await asyncio.open_connection("127.0.0.1", port), take)
            await stream._ask(_HEADER, b"</stream:features>")
            proof = base64.b64encode(f"\0{account}\0{password}".encode()).decode()
            await stream._ask(f"<auth xmlns='{_SASL}' mechanism='PLAIN'>{proof}</auth>".encode(), b"/>")
            await stream._ask(_HEADER, b"</stream:features>")
            await stream._ask(_BIND.encode(), b"</iq>")
            await stream._ask(b"<presence/>", b"/>")
        stream.ended = asyncio.create_task(stream._read())
        return stream

    def send(self, messages: list[tuple[str, str]]) -> None:
        """Send a message to each account, under an id."""
        stanzas = (
            f"<message to='{account}@{DOMAIN}' type='chat' id='{number}'><body>{TEXT}</body></message>"
            for account, number in messages
        )
        self._writer.write("".join(stanzas).encode())

    async def _ask(self, stanza: bytes, until: bytes) -> None:
        self._writer.write(stanza)
        answer = await self._reader.readuntil(until)
        if b"<failure" in answer or any(mark in answer for mark in _REFUSALS):
            raise Lost(answer.decode())

    async def _read(self) -> None:
        buffer = bytearray()
        while data := await self._reader.read(2**18):
            buffer += data
            for number in arrived(buffer):
                self._take(number)


def arrived(buffer: bytearray) -> list[str]:
    """Take whole messages out of what has come, and return their ids; raises `Lost` for a refusal."""
    end = buffer.rfind(_END) + len(_END)
    if any(mark in buffer for mark in _REFUSALS):
        raise Lost(buffer.decode())
    if end < len(_END):
        return []
    whole = bytes(buffer[:end])
    del buffer[:end]
    ids = (_ID.search(attributes) for attributes in _START.findall(whole))
    return [found[1].decode() for found in ids if found]
