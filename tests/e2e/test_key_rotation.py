"""Every key is replaced, and again, while people sign in, refresh, open sockets and write: nobody notices."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from websockets.asyncio.client import connect

from messenger_contracts.realtime import SUBPROTOCOL
from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.client import Client, Listener, Session
from messengerctl.client.socket import open_socket
from messengerctl.keys import current_keys, rotate_keys
from messengerctl.mailbox import await_code
from messengerctl.people import Person
from messengerctl.suite import Suite
from servicekit.testing import eventually

SETTLED_SECONDS = 11.0
"""A little more than twice what the processes of the watched suite hold their keys for."""
ROTATIONS = 2
"""As many as any token sees in its life: the session that began with the first key goes on after the second."""


def complaints(suite: Suite) -> str:
    """What the processes say is wrong."""
    lines = [(path.stem, line) for path in suite.logs.glob("*.log") for line in path.read_text().splitlines()]
    return "\n".join(f"{name}: {line}" for name, line in lines if " ERROR " in line or " WARNING " in line)


class Traffic:
    """What people do all the time, how often it went well, and what did not."""

    def __init__(self, suite: Suite, people: list[Person]) -> None:
        self._suite = suite
        self._people = people
        self.done: dict[str, int] = {}
        self.failures: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Traffic":
        ada, bob, *_ = self._people
        self._speaking = await Session(client_of(ada), Listener()).__aenter__()
        await self._speaking.live()
        async with client_of(ada) as client:
            self._conversation = (await client.converse(bob.user_id)).id
        works = {
            "sign in": (self._sign_in, 2.5),
            "refresh": (self._refresh, 2.5),
            "open a socket": (self._connect, 0.5),
            "open a socket by ticket": (self._ticket, 0.5),
            "send": (self._send, 0.05),
            "list": (self._list, 0.1),
        }
        self._tasks = [asyncio.create_task(self._repeat(name, *work)) for name, work in works.items()]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._speaking.__aexit__(None, None, None)

    async def _repeat(self, name: str, work: Callable[[], Awaitable[object]], pause: float) -> None:
        while True:
            try:
                await work()
                self.done[name] = self.done.get(name, 0) + 1
            except Exception as error:
                self.failures.append(f"{name}: {type(error).__name__} {error}")
            await asyncio.sleep(pause)

    async def all_done_again(self, seconds: float = 0.0) -> None:
        """Return when everything was done at least once more, from beginning to end, and some time has passed."""
        before, until = dict(self.done), time.monotonic() + seconds

        async def again() -> bool:
            more = all(self.done.get(name, 0) > before.get(name, 0) + 1 for name in before)
            return bool(self.failures) or (len(self.done) == len(self._tasks) and more and time.monotonic() > until)

        await eventually(again, 60)

    async def _sign_in(self) -> None:
        async with Client(self._suite.gateway) as client:
            await client.sign_in(self._people[2].username, self._people[2].password)

    async def _refresh(self) -> None:
        person = self._people[1]
        async with client_of(person) as client:
            await client.refresh()
            person.access_token = await client.access_token()
            person.refresh_token = client.tokens.refresh_token

    async def _connect(self) -> None:
        """Once, and without the patience of a `Session`, which would try again."""
        async with open_socket(self._suite.gateway, self._people[0].access_token, lambda *_: None) as socket:
            reading = asyncio.create_task(socket.read())
            await socket.ask("hello", {"positions": {}})
            reading.cancel()

    async def _ticket(self) -> None:
        async with client_of(self._people[0]) as client:
            ticket = (await client.request("POST", "/v1/auth/realtime-ticket")).json()["ticket"]
        address = f"{self._suite.gateway.replace('http', 'ws', 1)}/v1/realtime?ticket={ticket}"
        async with connect(address, subprotocols=[SUBPROTOCOL]) as socket:
            await socket.send('{"id":1,"op":"hello","d":{"positions":{}}}')
            assert "ok" in json.loads(str(await socket.recv()).split("\n")[0])

    async def _send(self) -> None:
        await self._speaking.send(self._conversation, secrets.token_hex(4))

    async def _list(self) -> None:
        async with client_of(self._people[0]) as client:
            await client.request("GET", "/v1/conversations")
            await client.request("GET", "/v1/notifications")


@pytest.fixture(scope="module")
def people(watched: Suite) -> list[Person]:
    """Four who signed up; the last one stays away."""

    async def come() -> list[Person]:
        return [await sign_up(watched.gateway, Wishes(), partial(await_code, watched)) for _ in range(4)]

    return asyncio.run(come())


async def test_nobody_notices_that_keys_are_replaced(watched, people):
    first = current_keys(watched)
    assert len(first) >= 6
    async with Traffic(watched, people) as traffic:
        await traffic.all_done_again()
        for _ in range(ROTATIONS):
            assert await asyncio.to_thread(lambda: list(rotate_keys(watched))) == list(first)
            await traffic.all_done_again(SETTLED_SECONDS)
            assert traffic.failures == [], complaints(watched)
        async with client_of(people[3]) as away:
            await away.refresh()
    assert traffic.failures == []
    assert traffic.done["send"] > ROTATIONS
    last = current_keys(watched)
    assert last.keys() == first.keys()
    assert not [name for name in first if last[name] == first[name]]
