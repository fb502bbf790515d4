"""One connection of the protocol `messenger.v1`: numbered requests with their replies, and pushes in order.

Ends when the network does; what outlives it is in `session`.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from messenger_contracts.realtime import SUBPROTOCOL
from messengerctl.client.errors import Refused, Unreachable

REPLY_SECONDS = 10.0
OPEN_SECONDS = 5.0

OnPush = Callable[[str, dict[str, Any]], None]


class Socket:
    """A connected socket. `on_push` is called with `op` and `d` of each push, in the order of arrival."""

    def __init__(self, connection: ClientConnection, on_push: OnPush) -> None:
        self._connection = connection
        self._on_push = on_push
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    @property
    def close_code(self) -> int | None:
        """Why it was closed; None while it is open."""
        return self._connection.close_code

    async def ask(self, op: str, d: dict[str, Any], seconds: float = REPLY_SECONDS) -> dict[str, Any]:
        """Send a request and return what the reply holds; raises `Refused`, or `Unreachable` when none comes."""
        number = next(self._numbers)
        reply = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._connection.send(json.dumps({"id": number, "op": op, "d": d}))
            async with asyncio.timeout(seconds):
                answer: dict[str, Any] = await reply
            return answer
        except TimeoutError as error:
            raise Unreachable(f"{op}: no reply within {seconds:.0f} s") from error
        except ConnectionClosed as error:
            raise Unreachable(f"{op}: the socket was closed") from error
        finally:
            del self._waiting[number]
            if reply.done() and not reply.cancelled():
                reply.exception()  # the socket ended while the request was being sent: nobody else will look at it

    async def read(self) -> None:
        """Take in frames until the socket is closed."""
        try:
            async for frame in self._connection:
                for line in (frame if isinstance(frame, str) else frame.decode()).split("\n"):
                    if line:
                        self._take(json.loads(line))
        except ConnectionClosed:
            return  # the close code tells why
        finally:
            for reply in self._waiting.values():
                if not reply.done():
                    reply.set_exception(Unreachable("the socket was closed"))

    def _take(self, frame: dict[str, Any]) -> None:
        if "id" not in frame:
            self._on_push(frame["op"], frame.get("d", {}))
            return
        reply = self._waiting.get(frame["id"])
        if reply is None or reply.done():
            return
        if error := frame.get("error"):
            after = error.get("retry_after_ms")
            wait = after / 1000 if after else None
            reply.set_exception(
                Refused(0, error["code"], error.get("detail", ""), bool(error.get("retryable")), retry_after=wait)
            )
        else:
            reply.set_result(frame.get("ok") or {})


@asynccontextmanager
async def open_socket(gateway: str, access_token: str, on_push: OnPush) -> AsyncIterator[Socket]:
    """Connect; frames are taken in by `Socket.read`. Raises `Unreachable`, or `Refused` when the upgrade was."""
    address = gateway.replace("http", "ws", 1).rstrip("/") + "/v1/realtime"
    try:
        connection = await connect(
            address,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
            additional_headers={"Authorization": f"Bearer {access_token}"},
            open_timeout=OPEN_SECONDS,
            close_timeout=1,
            ping_interval=None,  # the protocol's own ping also tells positions
            compression=None,
            max_size=None,
        )
    except InvalidStatus as error:
        raise _refused_upgrade(error) from error
    except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as error:
        raise Unreachable(f"{address}: {type(error).__name__} {error}".rstrip()) from error
    try:
        yield Socket(connection, on_push)
    finally:
        await connection.close()


def _refused_upgrade(error: InvalidStatus) -> Refused:
    response = error.response
    after = response.headers.get("Retry-After", "")
    try:
        code = str(json.loads(response.body)["code"])
    except (ValueError, KeyError, TypeError):
        code = f"http_{response.status_code}"
    wait = float(after) if after.isdecimal() else None
    return Refused(response.status_code, code, "the upgrade was refused", response.status_code >= 500, wait)
