"""Rules of waiting messages, without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from chat_service.conversations.errors import invalid
from chat_service.sends.errors import IdempotencyMismatch
from messenger_contracts.commands import Actor, MessageCreate, Scheduled, SendCommand
from messenger_contracts.conversations import ScheduledMessage
from servicekit.errors import ServiceError

MOST_WAITING = 100
MOST_AHEAD = timedelta(days=365)

Key = tuple[UUID, str, UUID]
"""Conversation, sender, and the sender's own UUID."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits, and whether it did so already."""

    message: ScheduledMessage
    replayed: bool

    @property
    def acknowledgement(self) -> Scheduled:
        """What a socket is answered."""
        message = self.message
        return Scheduled(
            client_id=message.client_id,
            send_at=message.send_at,
            created_at=message.created_at,
            replayed=self.replayed,
        )


def waits(command: SendCommand, now: datetime) -> bool:
    """Whether the message is for later; raises `ValidationFailed` when that is too far away."""
    send_at = command.body.send_at
    if send_at is None or send_at <= now:
        return False
    if send_at > now + MOST_AHEAD:
        raise invalid("/send_at", f"must be within {MOST_AHEAD.days} days")
    return True


def require_same(stored: Any, digest: bytes) -> None:
    """Refuse another body under the id of a message that waits: raises `IdempotencyMismatch`."""
    if stored.digest != digest:
        raise IdempotencyMismatch


def to_command(row: Any) -> SendCommand | None:
    """The send of a row; None when today's rules do not know its body any more."""
    try:
        body = MessageCreate.model_validate(row.body)
    except ValidationError:
        return None
    actor = Actor(user_id=row.by, username=row.by_name)
    return SendCommand(actor=actor, conversation_id=str(row.conversation_id), client_id=str(row.client_id), body=body)


def refusal(error: ServiceError) -> str:
    """What its sender is told of a message that could not be sent."""
    return "; ".join(f"{field.pointer} {field.detail}" for field in error.errors) or error.detail


def to_scheduled(row: Any) -> ScheduledMessage:
    """The waiting message of a row."""
    body: Mapping[str, Any] = row.body
    return ScheduledMessage(
        conversation_id=str(row.conversation_id),
        client_id=str(row.client_id),
        text=body.get("text"),
        media_ids=body.get("media_ids", []),
        reply_to=body.get("reply_to"),
        thread_root=body.get("thread_root"),
        mentions=body.get("mentions", []),
        expires_in=body.get("expires_in"),
        send_at=row.send_at,
        created_at=row.created_at,
        failed=row.failed,
    )
