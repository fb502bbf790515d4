"""Use cases of messages.

Group commit: while one transaction is under way, sends gather; the next takes them all. An answer leaves after its
commit, one bad send fails alone, and live events are published in the order of commits. See
docs/decisions/0002-group-commit.md.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import orjson

from chat_service.conversations.service import ConversationService
from chat_service.log.domain import MessageColumns, to_message
from chat_service.messages.domain import Head, Plan, Send, live_event, plan
from chat_service.messages.errors import MessageNotFound
from chat_service.messages.repository import MessageRepository
from messenger_contracts.commands import SendCommand, Sent
from messenger_contracts.conversations import Message
from messenger_contracts.pagination import Page
from messenger_contracts.realtime import conversation_channel
from servicekit.batching import Batcher
from servicekit.cursors import Cursors
from servicekit.errors import ServiceError
from servicekit.fanout import FanoutPublisher
from servicekit.postgres import Database, Session
from servicekit.telemetry import meter

_groups = meter.create_histogram("chat.commit.group", description="Sends that one transaction committed")
NEWEST = 2**62


class MessageSender:
    """Appends messages, many in one transaction."""

    def __init__(
        self,
        database: Database,
        repository: MessageRepository,
        fanout: FanoutPublisher,
        namespace: str,
        *,
        group: int = 500,
    ) -> None:
        self._database = database
        self._repository = repository
        self._fanout = fanout
        self._namespace = namespace
        self._commits: Batcher[Send, Sent] = Batcher(self._commit, limit=group)
        self._publications: Batcher[tuple[str, bytes], None] = Batcher(self._publish, limit=1000)

    def send(self, command: SendCommand) -> Awaitable[Sent]:
        """Append a message; the answer comes after the commit.

        It holds `NotMember` or `IdempotencyMismatch`. The same command again gives the same answer, `replayed`.
        """
        try:
            return self._commits.submit(Send.of(command))
        except ServiceError as error:
            refused: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused

    async def drain(self) -> None:
        """Finish what was accepted."""
        await self._commits.drain()
        await self._publications.drain()

    async def _commit(self, sends: Sequence[Send]) -> Sequence[Sent | BaseException]:
        async with self._database.write() as session:
            heads = await self._repository.lock(session, sends)
            members, stored = await self._repository.known(session, sends)
            planned = plan(sends, heads, members, stored, _now())
            if planned.new:
                await self._repository.write(session, planned.new)
        _groups.record(len(sends))
        self._announce(planned, heads)
        return planned.answers

    def _announce(self, planned: Plan, heads: dict[UUID, Head]) -> None:
        """Hand the live events over to be published, one publication a conversation."""
        events: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        for send, message in planned.new:
            event = live_event(send, message, heads[send.conversation_id].epoch)
            events[send.conversation_id].append(event)
        for conversation_id, group in events.items():
            channel = conversation_channel(self._namespace, str(conversation_id))
            self._publications.submit((channel, orjson.dumps({"events": group})))

    async def _publish(self, publications: Sequence[tuple[str, bytes]]) -> Sequence[None]:
        await self._fanout.publish_raw(publications)
        return [None] * len(publications)


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class MessageService:
    """Reads messages for one reader at a time."""

    def __init__(
        self,
        session: Session,
        repository: MessageRepository,
        conversations: ConversationService,
        cursors: Cursors,
    ) -> None:
        self._session = session
        self._repository = repository
        self._conversations = conversations
        self._cursors = cursors

    async def one(self, reader: str, conversation_id: str, message_id: str) -> Message:
        """A message of a conversation that the reader is in."""
        conversation = await self._conversations.require_member(reader, conversation_id)
        try:
            row = await self._repository.one(self._session, reader, conversation, UUID(message_id))
        except ValueError as error:
            raise MessageNotFound from error
        if row is None:
            raise MessageNotFound
        return to_message(cast("MessageColumns", row))

    async def page(
        self,
        reader: str,
        conversation_id: str,
        *,
        before_seq: int | None,
        after_seq: int | None,
        cursor: str | None,
        limit: int,
    ) -> Page[Message]:
        """History: newest first below `before_seq`, oldest first above `after_seq`; a cursor continues either."""
        conversation = await self._conversations.require_member(reader, conversation_id)
        scope = f"{reader}:{conversation}"
        if cursor:
            before_seq, after_seq = await self._cursors.read(scope, cursor)
        if after_seq is not None:
            rows = await self._repository.after(self._session, reader, conversation, after_seq, limit + 1)
        else:
            rows = await self._repository.before(self._session, reader, conversation, before_seq or NEWEST, limit + 1)
        items = [to_message(cast("MessageColumns", row)) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(items=items)
        last = items[-1].seq
        position = (None, last) if after_seq is not None else (last, None)
        return Page(items=items, next=await self._cursors.make(scope, position))
