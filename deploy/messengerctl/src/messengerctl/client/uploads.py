"""Files to the bucket: announced to media, sent by the requests that it presigned, and waited for until they end.

Bytes go to S3 in rounds. Each asks which parts are missing, by requests that are fresh, and sends some of them at once;
what breaks off ends the round, and the next one sends what is missing still. So it makes no difference whether a part
failed, a request was too old, or another process had begun: who starts anew goes on.
"""

import asyncio
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import httpx

from messenger_contracts.media import Media
from messenger_contracts.problem import ErrorCode
from messenger_contracts.shapes import Shape
from messengerctl.client.backoff import Backoff
from messengerctl.client.errors import Refused, Unreachable
from messengerctl.client.rest import Client

PARTS_AT_ONCE = 4
PIECE_BYTES = 256 * 1024
"""What is held in memory of each part that is being sent."""
ROUNDS = 12
"""How many rounds in which nothing arrives are borne, and how often anything else is asked: some twenty seconds."""
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_AGAIN = frozenset({403, 408, 429})
"""What S3 may say of a request that was good, but is too old or one of too many."""
_S3_CODE = re.compile(r"<Code>(\w+)</Code>")

Progress = Callable[[int], None]
"""Is told how many bytes have gone, over and over; fewer than before when some must go again."""


class Wish(Shape):
    """What a file is announced as. `sha256` is that of the whole file, in hex."""

    filename: str
    content_type: str
    size: int
    sha256: str
    purpose: str = "library"


class Announced(Shape):
    """A file that may be sent; or, where it `exists`, need not be."""

    media_id: str
    exists: bool = False


class _Request(Shape):
    method: str
    url: str
    headers: dict[str, str]


class _Part(Shape):
    number: int
    size: int
    uploaded: bool
    upload: _Request | None = None


class _Parts(Shape):
    part_size: int
    items: list[_Part]


class Content(Protocol):
    """The bytes of a file, wherever they are."""

    async def read(self, start: int, length: int) -> bytes:
        """Exactly so many bytes from there on."""


class Held:
    """Bytes that are in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self, start: int, length: int) -> bytes:
        """Give a part of them."""
        return self._content[start : start + length]


def _silent(sent: int) -> None:
    """Show no progress."""


class Uploads:
    """One person's uploads. Use it as a context; any number may run at once."""

    def __init__(self, client: Client, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = client
        self._bucket = httpx.AsyncClient(timeout=_TIMEOUT, transport=transport)

    async def __aenter__(self) -> "Uploads":
        """Use it as a context."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections to the bucket."""
        await self._bucket.aclose()

    async def upload(self, wish: Wish, content: Content, key: str, progress: Progress = _silent) -> Media:
        """Announce, send and await a file; the same key again goes on where it stopped."""
        announced = await self.announce(wish, key)
        if not announced.exists:
            await self.send(announced.media_id, content, progress)
        return await self.ended(announced.media_id)

    async def announce(self, wish: Wish, key: str) -> Announced:
        """Say what is to come. For a day the same wish under the same `Idempotency-Key` is the same upload."""
        headers = {"idempotency-key": key}
        answer = await self._client.request(
            "POST", "/v1/uploads", json=wish.model_dump(), headers=headers, attempts=ROUNDS
        )
        return Announced.model_validate_json(answer.content)

    async def send(self, media_id: str, content: Content, progress: Progress = _silent) -> None:
        """Send what has not arrived, and say that it is all; harmless for an upload that is complete already.

        Raises `Unreachable` or `Refused`, among them `not_found` for an upload that was cancelled or is too old.
        """
        backoff, arrived = Backoff(), -1
        while True:
            try:
                parts = await self._parts(media_id)
                if (there := sum(part.uploaded for part in parts.items)) > arrived:
                    arrived = there
                    backoff.reset()
                await self._round(parts, content, progress)
                await self._client.request("POST", f"/v1/uploads/{media_id}/complete", attempts=ROUNDS)
            except (Refused, Unreachable) as error:
                if isinstance(error, Refused) and error.code == ErrorCode.CONFLICT:
                    return
                if not _may_go_on(error) or backoff.failures >= ROUNDS:
                    raise
                await asyncio.sleep(backoff.next())
            else:
                return

    async def ended(self, media_id: str) -> Media:
        """The file, as soon as it is ready or rejected."""
        backoff = Backoff(first=0.2, longest=2.0)
        while True:
            answer = await self._client.request("GET", f"/v1/media/{media_id}", attempts=ROUNDS)
            if answer.status_code == httpx.codes.OK:
                return Media.model_validate_json(answer.content)
            await asyncio.sleep(0.1 + backoff.next())

    async def cancel(self, media_id: str) -> None:
        """Have what has arrived thrown away; raises `Refused` for an upload that is complete."""
        await self._client.request("DELETE", f"/v1/uploads/{media_id}", attempts=ROUNDS)

    async def _parts(self, media_id: str) -> _Parts:
        answer = await self._client.request("POST", f"/v1/uploads/{media_id}/parts", attempts=ROUNDS)
        return _Parts.model_validate_json(answer.content)

    async def _round(self, parts: _Parts, content: Content, progress: Progress) -> None:
        """Send all that is missing; what goes wrong with one part keeps those from beginning that wait their turn."""
        sent = Counter({part.number: part.size for part in parts.items if part.uploaded})
        waiting = deque(part for part in parts.items if not part.uploaded)
        progress(sent.total())

        async def send_in_turn() -> None:
            while waiting:
                part = waiting.popleft()
                start = (part.number - 1) * parts.part_size
                try:
                    await self._put(part, _pieces(content, start, part, sent, progress))
                except BaseException:
                    sent[part.number] = 0
                    waiting.clear()
                    raise

        senders = [send_in_turn() for _ in range(min(PARTS_AT_ONCE, len(waiting)))]
        _raise_worst(await asyncio.gather(*senders, return_exceptions=True))

    async def _put(self, part: _Part, pieces: AsyncIterator[bytes]) -> None:
        if part.upload is None:
            raise Unreachable(f"part {part.number} is missing, and there is no request for it")
        request = part.upload
        try:
            answer = await self._bucket.request(request.method, request.url, content=pieces, headers=request.headers)
        except httpx.TransportError as error:
            raise Unreachable(f"the bucket: {type(error).__name__} {error}".rstrip()) from error
        if not answer.is_success:
            raise _refusal(answer, part.number)


async def _pieces(
    content: Content, start: int, part: _Part, sent: Counter[int], progress: Progress
) -> AsyncIterator[bytes]:
    """The bytes of a part, counted as they go."""
    for at in range(0, part.size, PIECE_BYTES):
        yield await content.read(start + at, min(PIECE_BYTES, part.size - at))
        sent[part.number] = min(at + PIECE_BYTES, part.size)
        progress(sent.total())


def _refusal(answer: httpx.Response, number: int) -> Refused:
    found = _S3_CODE.search(answer.text)
    code = found[1] if found else answer.reason_phrase
    status = answer.status_code
    return Refused(status, "bucket_refused", f"part {number}: {code}", status in _AGAIN or status >= 500)


def _raise_worst(outcomes: Sequence[BaseException | None]) -> None:
    """Raise what need not be tried again, if anything is so, or else the first that went wrong."""
    errors = [outcome for outcome in outcomes if outcome is not None]
    for error in sorted(errors, key=_may_go_on):
        raise error


def _may_go_on(error: BaseException) -> bool:
    """Whether the next round may bring what this one did not."""
    if isinstance(error, Refused):
        return error.retryable or error.code == ErrorCode.UPLOAD_INCOMPLETE
    return isinstance(error, Unreachable)
