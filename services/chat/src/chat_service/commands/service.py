"""Runs a gateway's requests by the same use cases as the public routes."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import orjson

from chat_service.blocks.service import RelationService
from chat_service.commands.domain import have_room
from chat_service.conversations.service import ConversationService, PeerService
from chat_service.marks.service import MarkService
from chat_service.messages.service import MessageCommands
from chat_service.reactions.service import ReactionService
from chat_service.schedules.domain import Waiting
from chat_service.schedules.service import ScheduleService
from chat_service.sends.domain import Send
from chat_service.sends.service import MessageSender
from chat_service.sync.service import SyncService
from messenger_contracts.commands import (
    Changed,
    Command,
    CommandResult,
    DeleteCommand,
    EditCommand,
    Failure,
    JoinsAnswer,
    JoinsRequest,
    LiveEvent,
    Missed,
    Peers,
    PeersCommand,
    Position,
    Positions,
    ReactCommand,
    Read,
    ReadCommand,
    Relations,
    ResumedFrames,
    ResumeOf,
    SendCommand,
    Sent,
)
from messenger_contracts.conversations import LogEvent, ReadMark, Skip
from servicekit.errors import ServiceError
from servicekit.fanout import event_frame
from servicekit.telemetry import record_failure

Outcome = Sent | Waiting | ReadMark | Changed | Peers


class CommandService:
    """Runs commands side by side; the sends among them keep their order and share transactions."""

    def __init__(
        self,
        sender: MessageSender,
        schedules: ScheduleService,
        marks: MarkService,
        messages: MessageCommands,
        reactions: ReactionService,
        peers: PeerService,
    ) -> None:
        self._sender = sender
        self._schedules = schedules
        self._marks = marks
        self._messages = messages
        self._reactions = reactions
        self._peers = peers

    async def run(self, commands: Sequence[Command | Send]) -> list[CommandResult | Sent]:
        """One result a command; one that fails does not touch the others."""
        outcomes = await asyncio.gather(*map(self._start, commands), return_exceptions=True)
        return [_result(outcome) for outcome in outcomes]

    def _start(self, command: Command | Send) -> Awaitable[Outcome]:
        if isinstance(command, Send):
            return self._sender.submit(command)
        if isinstance(command, SendCommand):
            return self._schedules.submit(command) if command.body.send_at else self._sender.send(command)
        if isinstance(command, ReadCommand):
            return self._marks.read(command)
        if isinstance(command, PeersCommand):
            return self._peers.among(command)
        return self._change(command)

    async def _change(self, command: Command) -> Changed:
        if isinstance(command, EditCommand):
            return Changed(seq=(await self._messages.edit(command)).seq)
        if isinstance(command, DeleteCommand):
            return Changed(seq=await self._messages.delete(command))
        if isinstance(command, ReactCommand):
            return Changed(seq=await self._reactions.react(command))
        raise TypeError(command.op)


def _result(outcome: Outcome | BaseException) -> CommandResult | Sent:
    if isinstance(outcome, Sent):
        return outcome
    if isinstance(outcome, Waiting):
        return CommandResult(scheduled=outcome.acknowledgement)
    if isinstance(outcome, Changed):
        return CommandResult(changed=outcome)
    if isinstance(outcome, Peers):
        return CommandResult(peers=outcome)
    if isinstance(outcome, ReadMark):
        return CommandResult(read=Read.model_validate(outcome.model_dump()))
    if isinstance(outcome, ServiceError):
        return CommandResult(error=Failure(code=outcome.code, detail=outcome.detail, errors=outcome.errors))
    record_failure("commands", outcome)
    return CommandResult(error=Failure(code=ServiceError.code, detail=ServiceError.detail))


_LATER = ResumedFrames(conversations={}, complete=False, unknown=[], left=[], later=True).model_dump()

Stretch = Sequence[LogEvent | Skip]
Value = TypeVar("Value")


class ResumeService:
    """Tells a gateway where conversations stand, and what a returning client missed."""

    def __init__(self, conversations: ConversationService, sync: SyncService, relations: RelationService) -> None:
        self._conversations = conversations
        self._sync = sync
        self._relations = relations

    async def resume(self, requests: Sequence[ResumeOf]) -> bytes:
        """The lines of an answer to many clients: a JSON list of `ResumedFrames`, then the frames that these count.

        A client that missed more than its `limit` gets none of it. When all missed more together than an
        answer holds, some are told to ask later.
        """
        positions = await self._positions(requests)  # before the standing, which may then be further on, never behind
        standing = await self._conversations.positions_of({each.user_id for each in requests})
        returns = [
            _Return(each, known, standing[each.user_id]) for each, known in zip(requests, positions, strict=True)
        ]
        for each, now in zip(returns, have_room([each.missed for each in returns]), strict=True):
            each.later = not now
        behind: dict[tuple[str, UUID], int] = {}
        for each in returns:
            for c, after in ({} if each.later else each.behind).items():  # a person may return with two devices at once
                behind[each.reader, c] = min(after, behind.get((each.reader, c), after))
        stretches = await self._conversations.missed_by(behind, max((each.limit for each in returns), default=1))
        frames: list[bytes] = []
        relations = await self._relations.of({each.reader for each in returns})
        told = [each.tell(stretches, relations[each.reader], frames) for each in returns]
        return b"\n".join([orjson.dumps(told), *frames])

    async def _positions(self, requests: Sequence[ResumeOf]) -> list[Mapping[str, int] | None]:
        """Where clients stand, by what they name and for the rest by their sync tokens; None: the token is void."""
        asked = [(each.user_id, each.resume.since, each.resume.limit) for each in requests if each.resume.since]
        told = iter(await self._sync.positions_at(asked) if asked else ())
        positions: list[Mapping[str, int] | None] = []
        for each in requests:
            known = next(told) if each.resume.since else {}
            positions.append(None if known is None else {**_by_text(known), **each.resume.positions})
        return positions

    async def positions(self, ids: Sequence[str]) -> Positions:
        """Where conversations stand, whoever is in them."""
        return Positions(conversations=_by_text(await self._conversations.positions(ids)))

    async def joined(self, request: JoinsRequest) -> JoinsAnswer:
        """Into which conversations people came who are connected."""
        return await self._conversations.joined(request.user_ids, request.after)

    async def missed(self, request: Missed) -> list[LiveEvent]:
        """The events behind positions: for one reader's eyes, or for the gateway, which knows who may see what."""
        after = {UUID(each): seq for each, seq in request.after.items()}
        if request.reader is None:
            return await self._conversations.raw(after, request.limit)
        events = await self._conversations.missed(request.reader, after, request.limit)
        return [LiveEvent(event=event) for event in events]


class _Return:
    """One returning client: where it stands, where its conversations stand, and so what it missed."""

    def __init__(
        self, request: ResumeOf, positions: Mapping[str, int] | None, standing: Mapping[UUID, Position]
    ) -> None:
        void, positions = positions is None, positions or {}
        self.reader = request.user_id
        self.limit = request.resume.limit
        self.later = False
        self._standing = standing
        known = {str(conversation): conversation for conversation in standing}
        self._left = sorted(positions.keys() - known.keys())
        after = {conversation: positions.get(name, 0) for name, conversation in known.items()}
        self._ahead = [str(each) for each, seq in after.items() if seq > standing[each].last_seq]
        behind = {each: seq for each, seq in after.items() if seq < standing[each].last_seq}
        missed = sum(standing[each].last_seq - seq for each, seq in behind.items())
        self._complete = missed <= self.limit and not self._ahead and not void
        self.behind, self.missed = (behind, missed) if self._complete else ({}, 0)

    def tell(
        self, stretches: Mapping[tuple[str, UUID], Stretch], relations: Relations, frames: list[bytes]
    ) -> dict[str, Any]:
        """The answer, as `ResumedFrames` JSON; its events are appended to `frames`."""
        if self.later:
            return _LATER
        before = len(frames)
        ends = {}
        for conversation, after in self.behind.items():
            stretch = stretches.get((self.reader, conversation), ())
            events = [event for event in stretch if _end([event]) > after]
            frames += [event_frame(event.model_dump(mode="json")) for event in events]
            ends[conversation] = _end(events)
        return {
            "conversations": {str(each): self._position(each, ends.get(each, 0)) for each in self._standing},
            "complete": self._complete,
            "unknown": self._ahead,
            "left": self._left,
            "relations": relations.model_dump(),
            "frames": len(frames) - before,
            "later": False,
        }

    def _position(self, conversation: UUID, end: int) -> dict[str, Any]:
        """A position, moved on where the events that were read after it go further."""
        position = self._standing[conversation]
        return {
            "epoch": position.epoch,
            "last_seq": max(position.last_seq, end),
            "direct": position.direct,
            "visible_from": position.visible_from,
        }


def _end(events: Sequence[LogEvent | Skip]) -> int:
    last = events[-1] if events else None
    return last.to if isinstance(last, Skip) else last.seq if last else 0


def _by_text(positions: Mapping[UUID, Value]) -> dict[str, Value]:
    return {str(each): position for each, position in positions.items()}
