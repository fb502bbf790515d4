"""Use cases of the log: read it, and change a conversation under its lock.

A change is a transaction. It holds the conversation's row lock to its commit, so that the order of `seq` is the order
in which changes become visible; after the commit the sockets are told what every later reader will read.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, cast
from uuid import UUID

from chat_service.files.service import FileService
from chat_service.log.domain import RawColumns, ReaderColumns, to_live_event, to_reader
from chat_service.log.repository import Entry, LogRepository
from messenger_contracts.commands import LiveEvent, Relations
from messenger_contracts.conversations import LogEvent, LogEventType, Skip
from messenger_contracts.realtime import Fanout, conversation_channel, user_channel
from servicekit.fanout import FanoutPublisher, live, publication
from servicekit.postgres import Database, Session

MOST_LIVE = 500
"""Events of one change that are published; of a larger one the gateways read the rest from the log."""


def now() -> datetime:
    """This moment, as exactly as the wire carries it: to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class LogService:
    """Reads the log."""

    def __init__(self, repository: LogRepository) -> None:
        self._repository = repository

    async def begin(
        self,
        session: Session,
        conversation_id: UUID,
        at: datetime,
        by: tuple[str, str],
        joined: Sequence[Mapping[str, Any]],
        updated: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Begin the log of a conversation that this transaction makes: with the joining of its members.

        `updated` is what the conversation looks like, if others must hear of that.
        """
        entry = Entry(LogEventType.MEMBER_JOINED, by)
        await self._repository.append(session, conversation_id, 1, at, entry, joined)
        if updated:
            entry = Entry(LogEventType.CONVERSATION_UPDATED, by)
            await self._repository.append(session, conversation_id, len(joined) + 1, at, entry, updated)

    async def after(
        self, session: Session, reader: str, positions: Mapping[UUID, int], limit: int
    ) -> list[LogEvent | Skip]:
        """What a reader gets to see behind positions, at most `limit` rows of each conversation.

        Conversations that the reader is not in give nothing.
        """
        rows = await self._repository.for_reader(session, reader, positions, limit)
        return to_reader(cast("Sequence[ReaderColumns]", rows), positions)

    async def after_of_each(
        self, session: Session, positions: Mapping[tuple[str, UUID], int], limit: int
    ) -> dict[tuple[str, UUID], list[LogEvent | Skip]]:
        """What each of many readers gets to see behind positions, by reader and conversation; as `after` otherwise."""
        rows = await self._repository.for_readers(session, positions, limit)
        stretches = groupby(rows, key=lambda row: (row.reader, row.conversation_id))
        return {
            (reader, conversation): to_reader(list(stretch), {conversation: positions[reader, conversation]})
            for (reader, conversation), stretch in stretches
        }

    async def raw(self, session: Session, positions: Mapping[UUID, int], limit: int) -> list[LiveEvent]:
        """What stands behind positions, for our own processes, which see to it that each reader gets the reader's."""
        rows = await self._repository.raw(session, positions, limit)
        return [to_live_event(cast("RawColumns", row)) for row in rows]


class LiveService:
    """Tells the gateways what happened. What is lost on the way is found in the log."""

    def __init__(self, fanout: FanoutPublisher, namespace: str, files: FileService) -> None:
        self._fanout = fanout
        self._namespace = namespace
        self._files = files

    async def events(self, conversation_id: UUID, events: Sequence[LiveEvent]) -> None:
        """Tell the events of a conversation to whoever follows it."""
        await self._files.describe_to_all(each.event for each in events)
        ready = []
        for each in events:
            told = each.model_dump(mode="json")
            ready.append(live(told.pop("event"), **told))
        await self._conversation(conversation_id, publication(ready))

    async def push(self, conversation_id: UUID, push: dict[str, Any]) -> None:
        """Tell something that is no event to whoever follows a conversation."""
        await self._conversation(conversation_id, publication(pushes=[push]))

    async def tell(self, messages: Mapping[str, Fanout]) -> None:
        """Tell people, by id, on all their devices."""
        await self._fanout.publish([(user_channel(self._namespace, user), told) for user, told in messages.items()])

    async def joined(self, conversation_id: UUID, visible_from: Mapping[str, int]) -> None:
        """Let the sockets of people follow a conversation; by person, from which place on each may read it."""
        await self.tell({user: Fanout(joined={str(conversation_id): seq}) for user, seq in visible_from.items()})

    async def left(self, conversation_id: UUID, people: Iterable[str]) -> None:
        """Let the sockets of people no longer follow a conversation."""
        await self.tell(dict.fromkeys(people, Fanout(left=[str(conversation_id)])))

    async def relations(self, relations: Mapping[str, Relations]) -> None:
        """Tell the sockets of people, by id, whom they block and by whom they are blocked from now on."""
        await self.tell({user: Fanout(relations=each) for user, each in relations.items()})

    async def _conversation(self, conversation_id: UUID, message: bytes) -> None:
        await self._fanout.publish_raw([(conversation_channel(self._namespace, str(conversation_id)), message)])


class Change:
    """A change under way: the conversation as it was when it was locked, and what is appended to its log."""

    def __init__(self, session: Session, repository: LogRepository, head: Any) -> None:
        self.session = session
        self.head = head
        self.conversation_id: UUID = head.id
        self.at = now()
        self.last_seq: int = head.last_seq
        self.active_at: datetime | None = None
        self._repository = repository

    async def append(
        self,
        event_type: LogEventType,
        by: tuple[str, str],
        *data: Mapping[str, Any] | None,
        target_seq: int | None = None,
        audience: str | None = None,
        quiet: bool = False,
    ) -> int:
        """Append one event for each of `data`, and return the place of the last.

        `target_seq` is the message that it is about; `audience` the one person who may see it. What is `quiet` does not
        bring the conversation to the top of lists.
        """
        entry = Entry(event_type, by, target_seq, audience)
        await self._repository.append(self.session, self.conversation_id, self.last_seq + 1, self.at, entry, data)
        self.last_seq += len(data)
        if audience is None and not quiet:
            self.active_at = self.at
        return self.last_seq


class ChangeService:
    """Changes conversations, each change in a transaction of its own."""

    def __init__(self, database: Database, repository: LogRepository, live: LiveService) -> None:
        self.live = live
        self._database = database
        self._repository = repository

    @asynccontextmanager
    async def change(self, conversation_id: UUID) -> AsyncIterator[Change | None]:
        """Lock a conversation for the block, commit at its end, and tell the sockets; None if there is none.

        The block decides, by what it reads after the lock, who may do what; an exception undoes everything.
        """
        events: list[LiveEvent] = []
        async with self._database.write() as session:
            head = await self._repository.lock(session, conversation_id)
            change = Change(session, self._repository, head) if head is not None else None
            yield change
            if change and change.last_seq > change.head.last_seq:
                events = await self._finish(change)
        if events:
            await self.live.events(conversation_id, events)

    async def _finish(self, change: Change) -> list[LiveEvent]:
        await self._repository.move(change.session, change.conversation_id, change.last_seq, change.active_at)
        behind = {change.conversation_id: change.head.last_seq}
        rows = await self._repository.raw(change.session, behind, MOST_LIVE)
        return [to_live_event(cast("RawColumns", row)) for row in rows]
