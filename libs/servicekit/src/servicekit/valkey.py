"""Valkey: what may be lost. Fan-out, presence, one-use tickets, limits, revoked sessions.

A call fails within a second when Valkey is away; the caller decides what that means. A subscription asks a server that
says nothing whether it is there, leaves one that does not answer, and returns by itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import valkey.asyncio as valkey_client
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ValkeyError

from servicekit.loops import until, wait_for
from servicekit.telemetry import record_failure

log = logging.getLogger(__name__)

UNAVAILABLE = (ValkeyError, OSError, TimeoutError)
"""What a call raises when Valkey is away."""


def create_valkey(url: str, name: str | None = None) -> Any:
    """A client with its pool. Use it as a context, which closes the connections.

    `name` is what the server calls them (CLIENT LIST).
    """
    return valkey_client.Valkey.from_url(
        url,
        socket_timeout=1.0,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 1),
        retry_on_error=[ConnectionResetError, BrokenPipeError],
        max_connections=64,
        client_name=name,
    )


SILENCE_SECONDS, ANSWER_SECONDS = 0.5, 1.0
"""After how long a server that says nothing is asked whether it is there, and how long it may take to answer."""
NO_CHANNEL = "messenger:none"
"""What a subscriber listens to that has nothing to listen to yet."""


class Subscriber:
    """One connection that listens to a changing set of channels.

    `on_message(channel, payload)` is called in order of arrival. After every connect, the first too, `on_connect` is
    awaited once all channels are subscribed: whatever was published meanwhile was missed, and is to be read elsewhere.
    While it is not `connected`, everything is.
    """

    def __init__(
        self,
        client: Any,
        on_message: Callable[[str, bytes], None],
        on_connect: Callable[[], Awaitable[None]],
    ) -> None:
        self._client = client
        self._on_message = on_message
        self._on_connect = on_connect
        self._channels: set[str] = set()
        self._pubsub: Any = None
        self.connected = False

    async def subscribe(self, channels: Iterable[str]) -> None:
        """Listen to more channels; when disconnected, from the next connect on."""
        new = set(channels) - self._channels
        self._channels |= new
        if new and self._pubsub is not None:
            await self._attempt(self._pubsub.subscribe, new)

    async def unsubscribe(self, channels: Iterable[str]) -> None:
        """Listen to fewer channels."""
        old = set(channels) & self._channels
        self._channels -= old
        if old and self._pubsub is not None:
            await self._attempt(self._pubsub.unsubscribe, old)

    async def _attempt(self, call: Callable[..., Awaitable[None]], channels: set[str]) -> None:
        try:
            await call(*channels)
        except UNAVAILABLE as error:
            log.warning("subscription postponed until Valkey is back: %s", error)
            self._pubsub = None  # the client would connect again by itself, and nobody would hear of what was missed

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen until the event is set, reconnecting with a short pause."""
        while not stopping.is_set():
            try:
                await until(stopping, self._listen())
            except UNAVAILABLE as error:
                record_failure("valkey.subscriber", error)
                await wait_for(stopping, 0.25)
            finally:
                self.connected, self._pubsub = False, None

    async def _listen(self) -> None:
        async with self._client.pubsub() as pubsub:
            await pubsub.connect()
            self._pubsub = pubsub
            unconfirmed = set(self._channels) or {NO_CHANNEL}
            await pubsub.subscribe(*unconfirmed)
            while self._pubsub is pubsub:
                message = await self._next(pubsub)
                if message is None:
                    continue
                channel = message["channel"].decode()
                if message["type"] == "message":
                    self._on_message(channel, message["data"])
                elif channel in unconfirmed:
                    unconfirmed.remove(channel)
                    if not unconfirmed:
                        self.connected = True
                        await self._on_connect()

    @staticmethod
    async def _next(pubsub: Any) -> Any | None:
        """What the server says next; None: that it is there. Raises `TimeoutError` when it does not answer."""
        message = await pubsub.get_message(timeout=SILENCE_SECONDS)
        if message is None:
            await pubsub.ping()
            message = await pubsub.get_message(timeout=ANSWER_SECONDS)
            if message is None:
                raise TimeoutError("Valkey does not answer.")
        return None if message["type"] == "pong" else message
