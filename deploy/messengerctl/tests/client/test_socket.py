"""A socket that ends tells everybody who waits, and leaves nothing behind."""

import asyncio
import gc

import pytest
from websockets.exceptions import ConnectionClosedError

from messengerctl.client import Unreachable
from messengerctl.client.socket import Socket


class Ending:
    """A connection that ends while a request is being sent."""

    close_code = None

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def send(self, frame: str) -> None:
        await self.ended.wait()
        raise ConnectionClosedError(None, None)

    def __aiter__(self) -> "Ending":
        return self

    async def __anext__(self) -> str:
        raise ConnectionClosedError(None, None)


async def test_a_socket_that_ends_while_a_request_is_being_sent_leaves_no_unheard_failure():
    unheard = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context["message"]))
    await _ask_while_it_ends(Ending())
    await asyncio.sleep(0)  # what ran last is still held by the loop
    gc.collect()
    assert unheard == []


async def _ask_while_it_ends(connection: Ending) -> None:
    socket = Socket(connection, lambda op, d: None)
    asking = asyncio.create_task(socket.ask("send", {}))
    await asyncio.sleep(0)
    await socket.read()
    connection.ended.set()
    with pytest.raises(Unreachable):
        await asking
