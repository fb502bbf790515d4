"""Who uploads while everything breaks: some of the crowd, picture after picture, a few of them in parts.

An upload is acknowledged when media has said that it is complete. From then on it may not be lost: it ends as ready,
and its owner gets back the very bytes. One in parts that is under way when the emulator ends is forgotten, which S3
does not do: it is begun again.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import httpx

from messenger_contracts.media import Media
from messenger_contracts.problem import ErrorCode
from messengerctl.client import Client, Refused, Unreachable, Uploads
from messengerctl.client.uploads import ROUNDS, Held, Wish
from messengerctl.pictures import paint, wish_of

from .pressure import Pace

PARTS_ABOVE = 8192
"""From which size on pictures go in parts, in a suite under chaos: a part may be small if it is the last."""
_PAINTERS = 2
_SMALL, _IN_PARTS, _IN_TWO_PARTS = (64, 48), (120, 80), (2500, 2300)
_EVERY_IN_PARTS, _EVERY_IN_TWO = 4, 200
_AT_ONCE = 8
_END_SECONDS = 120.0


@dataclass(frozen=True)
class Shown:
    """What became of a picture: how it ended, and the digest of what its owner gets back."""

    status: str
    sha256: str


@dataclass(frozen=True)
class Painter:
    """Somebody who uploads."""

    client: Client
    uploads: Uploads


class Gallery:
    """All pictures of a run. `acknowledged` holds, by id, who uploaded each and what its digest is.

    `begun_again` counts those in parts that were forgotten while they were under way.
    """

    def __init__(self, painters: Sequence[Painter], per_second: float) -> None:
        self.acknowledged: dict[str, tuple[Painter, str]] = {}
        self.refused: list[str] = []
        self.in_parts = self.begun_again = 0
        self._painters = painters
        self._under_way: dict[str, Wish] = {}
        self._pace = Pace(per_second)
        self._numbers = count()

    async def paint(self, stopping: asyncio.Event) -> None:
        """Let every painter upload until the event is set; returns when all is acknowledged."""
        async with asyncio.TaskGroup() as group:
            for painter in self._painters:
                group.create_task(self._paint(painter, stopping))

    async def _paint(self, painter: Painter, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await self._pace.turn()
            content = await asyncio.to_thread(_picture, next(self._numbers))
            self.in_parts += len(content) > PARTS_ABOVE
            await self._upload(painter, wish_of(content), content)

    async def _upload(self, painter: Painter, wish: Wish, content: bytes) -> None:
        key = str(uuid4())
        self._under_way[key] = wish
        try:
            media_id = await _acknowledged(painter.uploads, wish, content, key)
        except Refused as error:
            if error.code == ErrorCode.NOT_FOUND and wish.size > PARTS_ABOVE:
                self.begun_again += 1
                await self._upload(painter, wish, content)
            else:
                self.refused.append(f"a picture of {wish.size} bytes: {error}")
        else:
            self.acknowledged[media_id] = painter, wish.sha256
        del self._under_way[key]

    async def lost(self, ends: int) -> list[str]:
        """Name every picture that was refused, or acknowledged and did not become what was uploaded.

        `ends` is how often the emulator ended: so often each painter may have had to begin again.
        """
        gate = asyncio.Semaphore(_AT_ONCE)

        async def look(painter: Painter, media_id: str) -> tuple[str, Shown]:
            async with gate:
                return media_id, await _shown(painter, media_id)

        looks = [look(painter, media_id) for media_id, (painter, _) in self.acknowledged.items()]
        shown = dict(await asyncio.gather(*looks))
        digests = {media_id: sha256 for media_id, (_, sha256) in self.acknowledged.items()}
        never = [f"a picture of {wish.size} bytes: never acknowledged" for wish in self._under_way.values()]
        forgotten = self.begun_again - ends * len(self._painters)
        more = [f"{forgotten} uploads in parts: forgotten, and not by the emulator"] if forgotten > 0 else []
        return [*self.refused, *more, *never, *differences(digests, shown)]


def differences(acknowledged: Mapping[str, str], shown: Mapping[str, Shown]) -> list[str]:
    """Name each picture that is not ready, or not what was uploaded, by its digest."""
    told = []
    for media_id, sha256 in acknowledged.items():
        found = shown[media_id]
        if found.status != "ready":
            told.append(f"picture {media_id}: acknowledged, is {found.status}")
        elif found.sha256 != sha256:
            told.append(f"picture {media_id}: other bytes came back than were sent")
    return told


@asynccontextmanager
async def open_gallery(clients: Sequence[Client], per_second: float) -> AsyncIterator[Gallery]:
    """Let the first of these people upload."""
    async with AsyncExitStack() as exits:
        uploads = [(client, await exits.enter_async_context(Uploads(client))) for client in clients[:_PAINTERS]]
        yield Gallery([Painter(client, each) for client, each in uploads], per_second)


def _picture(number: int) -> bytes:
    if number % _EVERY_IN_TWO == 0:
        return paint(*_IN_TWO_PARTS, seed=number, packed=False)
    if number % _EVERY_IN_PARTS == 0:
        return paint(*_IN_PARTS, seed=number, packed=False)
    return paint(*_SMALL, seed=number)


async def _acknowledged(uploads: Uploads, wish: Wish, content: bytes, key: str) -> str:
    """Upload under one key for as long as it takes; returns the file's id."""
    while True:
        try:
            announced = await uploads.announce(wish, key)
            if not announced.exists:
                await uploads.send(announced.media_id, Held(content))
        except Refused as error:
            if not error.retryable:
                raise
        except Unreachable:
            continue
        else:
            return announced.media_id


async def _shown(painter: Painter, media_id: str) -> Shown:
    try:
        async with asyncio.timeout(_END_SECONDS):
            media = await painter.uploads.ended(media_id)
    except TimeoutError:
        return Shown("not looked at", "")
    return Shown(media.reason or media.status, await _digest(media) if media.status == "ready" else "")


async def _digest(media: Media) -> str:
    """The digest of the bytes that the owner gets."""
    transport = httpx.AsyncHTTPTransport(retries=ROUNDS)
    async with httpx.AsyncClient(transport=transport, timeout=60) as bucket:
        answer = await bucket.get(media.variants["original"].url)
    return hashlib.sha256(answer.content).hexdigest() if answer.is_success else f"HTTP {answer.status_code}"
