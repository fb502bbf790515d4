"""Fetches what a signed URL names, piece by piece. The URL says all: neither identity nor trace goes along with it.

Calls to our own services, which answer in a moment and as a whole, do not belong here: `servicekit.http`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Self

import aiohttp
from yarl import URL

from servicekit.errors import DependencyUnavailable, NotFound
from servicekit.telemetry import meter

PIECE_BYTES = 256 * 1024
CONNECT_SECONDS = 5.0
STALL_SECONDS = 30.0
"""How long nothing may come; all of a file may take as long as it takes."""
_fetched = meter.create_counter("downloads", description="Files that were fetched by a signed URL, by outcome")


class Downloads:
    """Fetches files. Use it as a context; made, used and closed inside one event loop."""

    def __init__(self, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=stall_seconds),
            auto_decompress=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of a file, at most 256 KiB each.

        Raises `NotFound` when it is gone, and `DependencyUnavailable`, at any piece too, for whatever else goes wrong:
        who has read all of them has all of the file.
        """
        try:
            async with self._session.get(URL(url, encoded=True), allow_redirects=False) as response:
                _fetched.add(1, {"outcome": str(response.status)})
                if response.status == HTTPStatus.NOT_FOUND:
                    raise NotFound
                if response.status != HTTPStatus.OK:
                    raise DependencyUnavailable
                yield response.content.iter_chunked(PIECE_BYTES)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DependencyUnavailable from error
