"""Sending.

Group commit: while one transaction is under way, sends gather; the next takes them all. An answer leaves after its
commit, one bad send fails alone, and live events are published in the order of commits. See
docs/decisions/0002-group-commit.md.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from typing import Any
from uuid import UUID

import orjson

from chat_service.log.service import now
from chat_service.sends.domain import Head, Plan, Send, live_event, plan
from chat_service.sends.repository import SendRepository
from messenger_contracts.commands import SendCommand, Sent
from messenger_contracts.realtime import conversation_channel
from servicekit.batching import Batcher
from servicekit.errors import ServiceError
from servicekit.fanout import FanoutPublisher
from servicekit.postgres import Database
from servicekit.telemetry import meter

_groups = meter.create_histogram("chat.commit.group", description="Sends that one transaction committed")


class MessageSender:
    """Appends messages, many in one transaction."""

    def __init__(
        self,
        database: Database,
        repository: SendRepository,
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
            known = await self._repository.known(session, sends)
            planned = plan(sends, heads, known, now())
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
