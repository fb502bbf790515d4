"""Runs a gateway's requests by the same use cases as the public routes."""

import asyncio
from collections.abc import Awaitable, Sequence
from uuid import UUID

from chat_service.conversations.service import ConversationService
from chat_service.marks.service import MarkService
from chat_service.sends.service import MessageSender
from messenger_contracts.commands import (
    Command,
    CommandResult,
    Failure,
    LiveEvent,
    Missed,
    Position,
    Positions,
    Read,
    ReadCommand,
    Resume,
    Resumed,
    SendCommand,
    Sent,
)
from messenger_contracts.conversations import LogEvent, ReadMark, Skip
from servicekit.errors import ServiceError
from servicekit.telemetry import record_failure


class CommandService:
    """Runs commands side by side; the sends among them keep their order and share transactions."""

    def __init__(self, sender: MessageSender, marks: MarkService) -> None:
        self._sender = sender
        self._marks = marks

    async def run(self, commands: Sequence[Command]) -> list[CommandResult]:
        """One result a command; one that fails does not touch the others."""
        outcomes = await asyncio.gather(*map(self._start, commands), return_exceptions=True)
        return [_result(outcome) for outcome in outcomes]

    def _start(self, command: Command) -> Awaitable[Sent | ReadMark]:
        if isinstance(command, SendCommand):
            return self._sender.send(command)
        if isinstance(command, ReadCommand):
            return self._marks.read(command)
        raise TypeError(command.op)


def _result(outcome: Sent | ReadMark | BaseException) -> CommandResult:
    if isinstance(outcome, Sent):
        return CommandResult.model_construct(sent=outcome)
    if isinstance(outcome, ReadMark):
        return CommandResult(read=Read.model_validate(outcome.model_dump()))
    if isinstance(outcome, ServiceError):
        return CommandResult(error=Failure(code=outcome.code, detail=outcome.detail, errors=outcome.errors))
    record_failure("commands", outcome)
    return CommandResult(error=Failure(code=ServiceError.code, detail=ServiceError.detail))


class ResumeService:
    """Tells a gateway where conversations stand, and what a returning client missed."""

    def __init__(self, conversations: ConversationService) -> None:
        self._conversations = conversations

    async def resume(self, reader: str, request: Resume) -> Resumed:
        """All that the reader missed, or, when that is more than `limit` events, none of it."""
        standing = (await self._conversations.positions_of([reader]))[reader]
        positions = {conversation: request.positions.get(str(conversation), 0) for conversation in standing}
        behind = {
            conversation: positions[conversation]
            for conversation, position in standing.items()
            if positions[conversation] < position.last_seq
        }
        ahead = [str(each) for each in standing if positions[each] > standing[each].last_seq]
        total = sum(standing[each].last_seq - after for each, after in behind.items())
        complete = total <= request.limit and not ahead
        events = await self._conversations.missed(reader, behind, request.limit) if behind and complete else []
        return Resumed(
            conversations=_by_text(_not_before(standing, events)),
            events=events,
            complete=complete,
            unknown=ahead,
            left=sorted(set(request.positions) - {str(each) for each in standing}),
        )

    async def positions(self, ids: Sequence[str]) -> Positions:
        """Where conversations stand, whoever is in them."""
        return Positions(conversations=_by_text(await self._conversations.positions(ids)))

    async def missed(self, request: Missed) -> list[LiveEvent]:
        """The events behind positions: for one reader's eyes, or for the gateway, which knows who may see what."""
        after = {UUID(each): seq for each, seq in request.after.items()}
        if request.reader is None:
            return await self._conversations.raw(after, request.limit)
        events = await self._conversations.missed(request.reader, after, request.limit)
        return [LiveEvent(event=event) for event in events]


def _not_before(standing: dict[UUID, Position], events: Sequence[LogEvent | Skip]) -> dict[UUID, Position]:
    """The positions, moved on where the events that were read after them go further."""
    last = {UUID(event.c): event.to if isinstance(event, Skip) else event.seq for event in events}
    return {
        each: position.model_copy(update={"last_seq": max(position.last_seq, last.get(each, 0))})
        for each, position in standing.items()
    }


def _by_text(positions: dict[UUID, Position]) -> dict[str, Position]:
    return {str(each): position for each, position in positions.items()}
