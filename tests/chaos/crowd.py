"""Who takes part: people with one socket each, who write in all their conversations at once until told to stop."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import combinations, cycle
from uuid import uuid4

from messengerctl.accounts import Wishes, client_of, sign_up
from messengerctl.client import Client, Event, Listener, Refused, Session, State
from messengerctl.mailbox import await_code
from messengerctl.people import Person
from messengerctl.suite import Suite

from .ledger import Ledger, Sending
from .pressure import Pace

_AT_ONCE = 4
_GROUPS_OF = 6
_PATIENCE_SECONDS = 2.0, 30.0
TEXT = "The quick brown fox jumps over the lazy dog, and nobody minds."


@dataclass(frozen=True)
class Conversation:
    """A conversation and who is in it, by their places in the crowd."""

    id: str
    members: tuple[int, ...]


class Witness(Listener):
    """One person: writes, and keeps a record of everything that the socket told."""

    def __init__(self, client: Client, person: Person, ledger: Ledger, patience: float) -> None:
        """`patience` is for how many seconds to wait for a socket before a message goes by PUT."""
        self.client = client
        self.person = person
        self.session = Session(client, self, patience=patience)
        self.surprises: list[str] = []
        self._ledger = ledger

    def event(self, event: Event) -> None:
        """Take down an event."""
        self._ledger.hear(self.person.user_id, event)

    def restarted(self, conversation_id: str) -> None:
        """Take down that a log began anew, for which nothing here gives a reason."""
        self.surprises.append(f"{conversation_id} began anew")

    def state(self, state: State, why: str) -> None:
        """Take down an end, which nothing here gives a reason for either."""
        if state is State.ENDED:
            self.surprises.append(f"the session ended: {why}")

    async def write(self, conversation_id: str, pace: Pace, stopping: asyncio.Event) -> None:
        """Write one message after the other; each is repeated under its UUID until it is acknowledged."""
        while not stopping.is_set():
            await pace.turn()
            client_id = str(uuid4())
            self._ledger.sendings[client_id] = Sending(conversation_id, self.person.user_id)
            try:
                sent = await self.session.send(conversation_id, TEXT, client_id)
            except Refused as error:
                self._ledger.refused.append(f"{client_id}: {error}")
            else:
                self._ledger.acknowledge(client_id, sent)


@dataclass(frozen=True)
class Crowd:
    """Everybody, live, and their conversations."""

    witnesses: Sequence[Witness]
    conversations: Sequence[Conversation]
    ledger: Ledger

    async def write(self, pace: Pace, stopping: asyncio.Event) -> None:
        """Let every member write in every conversation until the event is set; returns when all is acknowledged."""
        self.ledger.begin()
        async with asyncio.TaskGroup() as group:
            for conversation in self.conversations:
                for member in conversation.members:
                    group.create_task(self.witnesses[member].write(conversation.id, pace, stopping))

    @property
    def live(self) -> int:
        """How many sockets are open."""
        return sum(witness.session.state is State.LIVE for witness in self.witnesses)

    def behind(self, heads: dict[str, int]) -> int:
        """How many events the members have not heard yet, all together."""
        return sum(
            max(0, heads[conversation.id] - self.witnesses[member].session.positions.get(conversation.id, 0))
            for conversation in self.conversations
            for member in conversation.members
        )

    def figures(self) -> Counter[str]:
        """What the sessions went through: gaps are those that the sockets left and `/events` filled."""
        sessions = [witness.session for witness in self.witnesses]
        return Counter(
            reconnects=sum(session.reconnects for session in sessions),
            retries=sum(session.retries for session in sessions),
            gaps=sum(session.filled for session in sessions),
            repetitions=sum(session.repeated for session in sessions),
        )


@asynccontextmanager
async def gather(suite: Suite, people: int) -> AsyncIterator[Crowd]:
    """Sign people up, let every two of them begin a conversation and some of them groups, and connect all."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def arrive() -> Person:
        async with gate:
            return await sign_up(suite.gateway, Wishes(), partial(await_code, suite))

    persons = await asyncio.gather(*(arrive() for _ in range(people)))
    ledger = Ledger()
    async with AsyncExitStack() as exits:
        clients = [await exits.enter_async_context(client_of(person)) for person in persons]
        conversations = [*await _directs(clients, persons), *await _groups(clients, persons)]
        those = zip(clients, persons, cycle(_PATIENCE_SECONDS), strict=False)
        witnesses = [Witness(client, person, ledger, patience) for client, person, patience in those]
        for witness in witnesses:
            await exits.enter_async_context(witness.session)
        for witness in witnesses:
            await witness.session.live()
        yield Crowd(witnesses, conversations, ledger)


async def _directs(clients: Sequence[Client], persons: Sequence[Person]) -> list[Conversation]:
    return [
        Conversation((await clients[one].converse(persons[other].user_id)).id, (one, other))
        for one, other in combinations(range(len(persons)), 2)
    ]


async def _groups(clients: Sequence[Client], persons: Sequence[Person]) -> list[Conversation]:
    """One group for every few people; none if this suite has none."""
    groups = []
    for first in range(0, len(persons) - 2, _GROUPS_OF):
        members = range(first, min(first + _GROUPS_OF, len(persons)))
        others = [persons[member].user_id for member in members[1:]]
        try:
            group = await clients[first].create_group(f"group of {len(members)}", others)
        except Refused as error:
            if error.status != 422:
                raise
            return []
        groups.append(Conversation(group.id, tuple(members)))
    return groups
