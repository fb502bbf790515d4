"""Two people who write to each other at once, and a record of what became of every message.

Used by the demonstration and by tests; what is done to the suite meanwhile is their business.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from messenger_contracts.commands import Sent
from messengerctl.client import Client, Event, Listener, Session, State
from messengerctl.people import Person
from messengerctl.suite import until

CREATED = "message.created"


@dataclass
class Sending:
    """One message's life, in seconds of one clock: sent, acknowledged, and each arrival at the other's socket."""

    called: float
    sent: Sent | None = None
    arrivals: list[float] = field(default_factory=list)

    @property
    def delay(self) -> float:
        """Seconds from the call to the first arrival."""
        return self.arrivals[0] - self.called


Sendings = dict[str, Sending]
"""All messages of a meeting, by client id."""


class Speaker(Listener):
    """One of the two: sends, and remembers the log as it was told, and the ids of the files that the other showed."""

    def __init__(self, client: Client, person: Person, conversation_id: str, sendings: Sendings) -> None:
        self.person = person
        self.session = Session(client, self, {conversation_id: 0})
        self.heard: list[tuple[int, str]] = []
        self.shown: list[str] = []
        self._conversation_id = conversation_id
        self._sendings = sendings

    def event(self, event: Event) -> None:
        """Note an event of the conversation by its position and what it is about."""
        if event.c != self._conversation_id:
            return
        self.heard.append((event.seq, str(event.data.get("id", event.type))))
        if event.type != CREATED or event.by == self.person.user_id:
            return
        self.shown += [media["id"] for media in event.data.get("media", [])]
        if sending := self._sendings.get(event.data["client_id"]):
            sending.arrivals.append(time.perf_counter())

    async def say(self, text: str) -> Sending:
        """Send one message and see it acknowledged."""
        client_id, sending = str(uuid4()), Sending(time.perf_counter())
        self._sendings[client_id] = sending
        sending.sent = await self.session.send(self._conversation_id, text, client_id)
        return sending

    async def speak(self, messages: int, pace: float) -> None:
        """Send so many messages, one every `pace` seconds, whether or not the ones before were acknowledged."""
        async with asyncio.TaskGroup() as group:
            for number in range(messages):
                group.create_task(self.say(f"{self.person.username} {number + 1}"))
                await asyncio.sleep(pace)


@dataclass(frozen=True)
class Meeting:
    """Two people in their direct conversation."""

    conversation_id: str
    speakers: tuple[Speaker, Speaker]
    sendings: Sendings

    async def talk(self, messages: int, pace: float) -> None:
        """Let both speak at once, half of the messages each; returns when all are acknowledged."""
        async with asyncio.TaskGroup() as group:
            for speaker, share in zip(self.speakers, (messages - messages // 2, messages // 2), strict=True):
                group.create_task(speaker.speak(share, pace))

    async def caught_up(self, seconds: float = 60.0, *, at_least: int = 0) -> None:
        """Return when both have heard all that was acknowledged, and up to `at_least` in any case.

        Raises `CommandError` when that takes too long.
        """
        last = max((sending.sent.seq for sending in self.sendings.values() if sending.sent), default=0)
        last = max(last, at_least)

        def all_heard() -> bool:
            return all(speaker.session.positions[self.conversation_id] >= last for speaker in self.speakers)

        await until(all_heard, f"not everybody heard up to event {last}", seconds)

    @property
    def live(self) -> bool:
        """Whether both sockets are open at this moment."""
        return all(speaker.session.state is State.LIVE for speaker in self.speakers)

    @property
    def acknowledged(self) -> int:
        """How many messages were acknowledged until now."""
        return sum(sending.sent is not None for sending in self.sendings.values())

    @property
    def lost(self) -> list[str]:
        """The messages that were acknowledged and did not arrive."""
        return [client_id for client_id, one in self.sendings.items() if one.sent and not one.arrivals]

    @property
    def doubled(self) -> list[str]:
        """The messages that arrived more than once."""
        return [client_id for client_id, one in self.sendings.items() if len(one.arrivals) > 1]

    @property
    def same_and_dense(self) -> bool:
        """Whether both were told the same log, from 1 on without a hole."""
        one, other = (speaker.heard for speaker in self.speakers)
        return one == other and [seq for seq, _ in one] == list(range(1, len(one) + 1))


@asynccontextmanager
async def meet(one: tuple[Client, Person], other: tuple[Client, Person]) -> AsyncIterator[Meeting]:
    """Bring two people together, both live; the conversation is told to both from its start."""
    conversation = await one[0].converse(other[1].user_id)
    sendings: Sendings = {}
    async with AsyncExitStack() as exits:
        speakers = [Speaker(client, person, conversation.id, sendings) for client, person in (one, other)]
        for speaker in speakers:
            await exits.enter_async_context(speaker.session)
        for speaker in speakers:
            await speaker.session.live()
        yield Meeting(conversation.id, (speakers[0], speakers[1]), sendings)
