"""Who takes part: people, and a direct conversation for many pairs of them. Made once, because accounts are dear."""

import asyncio
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import asyncpg

from localcloud.console import say
from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.mailbox import await_code
from messengerctl.people import Person
from messengerctl.suite import Suite

from .wire import Gateway

PEOPLE = 21
PAIRS = sorted(combinations(range(PEOPLE), 2), key=lambda pair: pair[::-1])
"""Who talks to whom; the first ten pairs are among the first five people."""

LINES = [pair if number % 2 == 0 else pair[::-1] for number, pair in enumerate(PAIRS)]
"""Who writes to whom, if one of each pair writes: first and second in turn."""
UNLIMITED = {
    "GATEWAY_USER_REQUESTS_PER_MINUTE": "1000000",
    "GATEWAY_ADDRESS_REQUESTS_PER_MINUTE": "1000000",
    "GATEWAY_SECRET_REQUESTS_PER_MINUTE": "1000000",
    "GATEWAY_SOCKET_OPERATIONS_PER_SECOND": "1000000",
    "GATEWAY_SOCKETS_PER_USER": "100000",
}
"""What the suite must be told so that its limits are out of the way."""
_AT_ONCE = 4
_SETTLE_SECONDS = 20.0
_BUSY_WORKERS = ("chat worker", "notification worker")


@dataclass(frozen=True)
class Conversation:
    """The direct conversation of two people, by their numbers."""

    id: str
    people: tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """A suite with people in it."""

    suite: Suite
    people: Sequence[Person]
    conversations: Sequence[Conversation]

    @property
    def gateway(self) -> Gateway:
        """Where the gateway listens."""
        return Gateway.at(self.suite.gateway)

    @property
    def processes(self) -> dict[str, int]:
        """The pid of each process of the suite now."""
        return {name: process.pid for name, process in self.suite.state.processes.items()}

    async def query(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Ask chat's database."""
        connection = await asyncpg.connect(self.suite.database_url("chat"), timeout=10)
        try:
            return list(await connection.fetch(sql, *arguments, timeout=300))
        finally:
            await connection.close()

    async def heads(self) -> dict[str, int]:
        """Return where each conversation's log ends."""
        rows = await self.query("SELECT id::text, last_seq FROM conversations")
        return {row["id"]: row["last_seq"] for row in rows}

    async def settle(self) -> None:
        """Wait until the workers have caught up, so that one scenario does not pay for the one before."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while behind := await self._behind():
            if time.monotonic() > deadline:
                say(f"going on, though the workers have {behind:,} events to do")
                return
            await asyncio.sleep(0.2)

    @contextmanager
    def workers_halted(self) -> Iterator[None]:
        """Let the workers stand still, for a measurement that is not of the suite."""
        halted = [name for name in self.processes if name in _BUSY_WORKERS]
        for name in halted:
            self.suite.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            for name in halted:
                self.suite.signal(name, signal.SIGCONT)

    async def _behind(self) -> int:
        """How many events the relay has not published, or the notification service has not taken in."""
        relay = await self.query(
            "SELECT count(*) AS behind FROM log, relay_positions r WHERE (log.xid, log.position) > (r.xid, r.position)"
        )
        queues = self.suite.aws("sqs")
        url = queues.get_queue_url(QueueName=self.suite.resource("notification", "inbox"))["QueueUrl"]
        counts = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        waiting = int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])
        return int(relay[0]["behind"]) + waiting

    def of(self, number: int, heads: Mapping[str, int]) -> dict[str, int]:
        """Return the positions of a client of this person who has everything."""
        return {one.id: heads[one.id] for one in self.conversations if number in one.people}


async def set_stage(suite: Suite) -> Stage:
    """Sign people up and let every two of them begin a conversation."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one() -> Person:
        async with gate:
            return await sign_up(suite.gateway, Wishes(), partial(await_code, suite))

    people = await asyncio.gather(*(one() for _ in range(PEOPLE)))

    async def converse(number: int) -> list[Conversation]:
        async with gate, client_of(people[number]) as client:
            mine = [pair for pair in PAIRS if pair[0] == number]
            return [Conversation((await client.converse(people[pair[1]].user_id)).id, pair) for pair in mine]

    made = await asyncio.gather(*map(converse, range(PEOPLE)))
    conversations = sorted((one for each in made for one in each), key=lambda one: one.people[::-1])
    return Stage(suite, people, conversations)
