"""Use cases of messages that wait: hand one in, look at one's own, cancel one, and send those whose time has come.

A message waits in a table of its own, without a place in the log. Its sender's UUID is taken from then on: nothing else
is sent under it, also where this one fails, before it is cancelled. When its time has come it is sent as any other is,
under that UUID and with the digest that it was handed in with: whatever dies between the send and the end of the
waiting, it is recognised when it is sent again.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chat_service.conversations.domain import parse_id
from chat_service.conversations.errors import NotMember
from chat_service.conversations.service import MembershipService
from chat_service.files.errors import FilesUnavailable
from chat_service.log.service import ChangeService, now
from chat_service.schedules.domain import (
    MOST_WAITING,
    Key,
    Waiting,
    refusal,
    require_same,
    to_command,
    to_scheduled,
    waits,
)
from chat_service.schedules.errors import ScheduledNotFound, TooManyScheduled, Unreadable
from chat_service.schedules.repository import ScheduleRepository
from chat_service.sends.domain import digest
from chat_service.sends.service import MessageSender, SendRehearsal
from messenger_contracts.commands import SendCommand, Sent
from messenger_contracts.conversations import ScheduledMessage
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.errors import ServiceError
from servicekit.postgres import Database, Session

PUT_OFF_SECONDS = 15.0
"""After how long media is asked again about the files of a message whose time has come."""


class ScheduleService:
    """Takes messages for later, and shows people what of theirs waits."""

    def __init__(
        self,
        database: Database,
        changes: ChangeService,
        memberships: MembershipService,
        repository: ScheduleRepository,
        sender: MessageSender,
        rehearsal: SendRehearsal,
        cursors: Cursors,
    ) -> None:
        self._database = database
        self._changes = changes
        self._memberships = memberships
        self._repository = repository
        self._sender = sender
        self._rehearsal = rehearsal
        self._cursors = cursors

    async def submit(self, command: SendCommand) -> Sent | Waiting:
        """Send a message, or keep it until its `send_at`; what a send would be refused with is raised now.

        Raises `ValidationFailed`, `TooManyScheduled` and `IdempotencyMismatch` too. One that was sent is not kept.
        """
        if not waits(command, now()):
            sent = await self._sender.send(command)
            async with self._database.write() as session:
                await self._repository.remove(session, _key(command))
            return sent
        if sent_before := await self._rehearsal.check(command):
            return sent_before
        return await self._keep(command) or await self.submit(command)

    async def _keep(self, command: SendCommand) -> Waiting | None:
        """Let a message wait; None when one has been sent under its id meanwhile."""
        key, body = _key(command), command.body
        async with self._changes.change(key[0]) as change:
            if change is None:
                raise NotMember
            stored = await self._repository.one(change.session, key)
            replayed = stored is not None
            if stored is not None:
                require_same(stored, digest(body))
            else:
                if await self._repository.count(change.session, key[0], key[1]) >= MOST_WAITING:
                    raise TooManyScheduled
                said = body.model_dump(mode="json", exclude_defaults=True)
                username, send_at = command.actor.username, body.send_at or change.at
                stored = await self._repository.add(
                    change.session, key, username, said, digest(body), send_at, change.at
                )
        return Waiting(to_scheduled(stored), replayed) if stored else None

    async def page(self, caller: str, conversation_id: str, cursor: str | None, limit: int) -> Page[ScheduledMessage]:
        """The caller's messages that wait in a conversation, the next one first."""
        conversation = parse_id(conversation_id)
        scope = f"{caller}:{conversation}"
        after = None
        if cursor:
            send_at, client_id = await self._cursors.read(scope, cursor)
            after = datetime.fromisoformat(send_at), UUID(client_id)
        async with self._database.read() as session:
            await self._memberships.require(session, caller, conversation)
            rows = await self._repository.page(session, conversation, caller, after, limit + 1)
        waiting = [to_scheduled(row) for row in rows]
        return await self._cursors.page(scope, waiting, limit, lambda last: (last.send_at.isoformat(), last.client_id))

    async def one(self, caller: str, conversation_id: str, client_id: str) -> ScheduledMessage:
        """One of the caller's messages that wait; raises `ScheduledNotFound`."""
        async with self._database.read() as session:
            row = await self._repository.one(session, await self._own(session, caller, conversation_id, client_id))
        if row is None:
            raise ScheduledNotFound
        return to_scheduled(row)

    async def cancel(self, caller: str, conversation_id: str, client_id: str) -> None:
        """Never send a message that waits; raises `ScheduledNotFound` when it does not wait any more."""
        async with self._database.write() as session:
            key = await self._own(session, caller, conversation_id, client_id)
            if not await self._repository.remove(session, key):
                raise ScheduledNotFound

    async def _own(self, session: Session, caller: str, conversation_id: str, client_id: str) -> Key:
        conversation = parse_id(conversation_id)
        await self._memberships.require(session, caller, conversation)
        try:
            return conversation, caller, UUID(client_id)
        except ValueError as error:
            raise ScheduledNotFound from error


def _key(command: SendCommand) -> Key:
    return parse_id(command.conversation_id), command.actor.user_id, UUID(command.client_id)


class DueMessages:
    """Sends the messages whose time has come. Any number of workers may do so side by side."""

    def __init__(
        self, database: Database, repository: ScheduleRepository, sender: MessageSender, *, batch: int = 50
    ) -> None:
        self._database = database
        self._repository = repository
        self._sender = sender
        self._batch = batch

    async def step(self) -> bool:
        """Send a batch; returns whether there may be more. Raises what should be tried again, when the rest is done.

        The rows stay locked while they are sent, so that no other worker takes them, and who cancels one waits.
        """
        async with self._database.write() as session:
            rows = await self._repository.due(session, self._batch)
            outcomes = await asyncio.gather(*map(self._send, rows), return_exceptions=True)
            failures = await self._settle(session, rows, outcomes)
        if failures:
            raise failures[0]
        return len(rows) == self._batch

    async def _send(self, row: Any) -> Sent:
        command = to_command(row)
        if command is None:
            raise Unreadable
        return await self._sender.send(command, digest=row.digest)

    async def _settle(
        self, session: Session, rows: Sequence[Any], outcomes: Sequence[Sent | BaseException]
    ) -> list[BaseException]:
        failures: list[BaseException] = []
        sent: list[Key] = []
        for row, outcome in zip(rows, outcomes, strict=True):
            key: Key = row.conversation_id, row.by, row.client_id
            if isinstance(outcome, Sent):
                sent.append(key)
            elif isinstance(outcome, FilesUnavailable):
                await self._repository.put_off(session, key, PUT_OFF_SECONDS)
            elif isinstance(outcome, ServiceError) and not outcome.code.retryable:
                await self._repository.refuse(session, key, refusal(outcome))
            else:
                failures.append(outcome)
        if sent:
            await self._repository.settle(session, sent)
        return failures
