"""Rules of sending, without I/O: which sends are new, which are replays, and which number each gets."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from chat_service.conversations.errors import NotMember
from chat_service.messages.errors import IdempotencyMismatch
from messenger_contracts.commands import MessageCreate, SendCommand, Sent
from messenger_contracts.conversations import LogEventType
from messenger_contracts.shapes import format_timestamp
from servicekit.errors import ServiceError


def digest(body: MessageCreate) -> bytes:
    """What a body is recognised by when it is sent again: BLAKE2b, 16 bytes."""
    return hashlib.blake2b(body.model_dump_json().encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Send:
    """A command, read: ids are ids, and the body has its digest."""

    conversation_id: UUID
    user_id: str
    username: str
    client_id: UUID
    text: str
    digest: bytes

    @classmethod
    def of(cls, command: SendCommand) -> "Send":
        """Read a command; raises `NotMember` for an id that cannot be a conversation's."""
        try:
            conversation_id = UUID(command.conversation_id)
        except ValueError as error:
            raise NotMember from error
        return cls(
            conversation_id,
            command.actor.user_id,
            command.actor.username,
            UUID(command.client_id),
            command.body.text,
            digest(command.body),
        )

    @property
    def key(self) -> tuple[UUID, str, UUID]:
        """What makes the send one and the same, however often it arrives."""
        return self.conversation_id, self.user_id, self.client_id


@dataclass(slots=True)
class Head:
    """Where a conversation's log stands, while it is locked."""

    epoch: str
    last_seq: int
    last_msg_no: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the database holds it, or is about to."""

    id: UUID
    seq: int
    msg_no: int
    digest: bytes
    created_at: datetime

    def acknowledge(self, send: Send, *, replayed: bool) -> Sent:
        """The answer to a send that led to this message; raises `IdempotencyMismatch` when it was another body's."""
        if send.digest != self.digest:
            raise IdempotencyMismatch
        return Sent(id=str(self.id), seq=self.seq, msg_no=self.msg_no, created_at=self.created_at, replayed=replayed)


@dataclass(slots=True)
class Plan:
    """What a transaction will write, and what each send will be answered."""

    new: list[tuple[Send, Stored]]
    answers: list[Sent | ServiceError]


def plan(
    sends: Sequence[Send],
    heads: Mapping[UUID, Head],
    members: Mapping[int, bool],
    stored: Mapping[int, Stored],
    now: datetime,
) -> Plan:
    """Give every new send the next numbers of its conversation, in the order of arrival.

    `members` and `stored` go by the send's place in `sends`; `heads` are moved forward.
    """
    result = Plan([], [])
    fresh: dict[tuple[UUID, str, UUID], Stored] = {}
    for place, send in enumerate(sends):
        head = heads.get(send.conversation_id)
        try:
            if head is None or not members.get(place):
                raise NotMember
            known = stored.get(place) or fresh.get(send.key)
            if known is None:
                known = fresh[send.key] = _next(head, send, now)
                result.new.append((send, known))
                answer = known.acknowledge(send, replayed=False)
            else:
                answer = known.acknowledge(send, replayed=True)
            result.answers.append(answer)
        except ServiceError as error:
            result.answers.append(error)
    return result


def _next(head: Head, send: Send, now: datetime) -> Stored:
    head.last_seq += 1
    head.last_msg_no += 1
    return Stored(uuid7(), head.last_seq, head.last_msg_no, send.digest, now)


def live_event(send: Send, message: Stored, epoch: str) -> dict[str, Any]:
    """The log event of a message that was just stored: `to_log_event` of its row, made without reading it again."""
    conversation_id, at = str(send.conversation_id), format_timestamp(message.created_at)
    return {
        "c": conversation_id,
        "epoch": epoch,
        "seq": message.seq,
        "type": LogEventType.MESSAGE_CREATED.value,
        "at": at,
        "by": send.user_id,
        "data": {
            "id": str(message.id),
            "conversation_id": conversation_id,
            "client_id": str(send.client_id),
            "seq": message.seq,
            "msg_no": message.msg_no,
            "by": send.user_id,
            "text": send.text,
            "media": [],
            "reply_to": None,
            "thread_root": None,
            "thread_count": 0,
            "mentions": [],
            "reactions": {},
            "created_at": at,
            "edited_at": None,
            "deleted_at": None,
            "expires_at": None,
        },
    }
