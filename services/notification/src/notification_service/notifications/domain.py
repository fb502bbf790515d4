"""What an event says to whom: texts, ids and the cut into transactions. No I/O."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from messenger_contracts.envelope import Event
from messenger_contracts.events.chat import MessageCreated
from messenger_contracts.notifications import Notification, Subject

BODY_LENGTH = 140
CHUNK = 90
"""Recipients of one transaction, which takes 100 items and holds the ledger's row too."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Chunk(NamedTuple):
    """The recipients whom one transaction tells, and the ledger's name for it."""

    ledger_id: str
    notifications: dict[str, Notification]
    """By recipient."""


def chunks(event: Event[MessageCreated]) -> Iterator[Chunk]:
    """Cut an event's recipients; the first chunk, empty or not, stands in the ledger by the event's own id."""
    recipients = list(dict.fromkeys(event.data.recipients))
    for number, start in enumerate(range(0, max(len(recipients), 1), CHUNK)):
        ledger_id = f"{event.id}#{number}" if number else event.id
        yield Chunk(ledger_id, {user: of_message(event, user) for user in recipients[start : start + CHUNK]})


def of_message(event: Event[MessageCreated], user_id: str) -> Notification:
    """What a new message says to one recipient."""
    message = event.data.message
    return Notification(
        id=notification_id(event.id, event.time, user_id),
        kind="message",
        group_key=f"conversation:{event.data.conversation_id}",
        title=event.data.actor.username,
        body=shorten(message.text or ""),
        actor=event.data.actor.user_id,
        subject=Subject(type="message", id=message.id, c=event.data.conversation_id, seq=event.data.seq),
        read=False,
        created_at=event.time,
    )


def notification_id(event_id: str, at: datetime, user_id: str) -> str:
    """The same for every delivery of an event to a person, and sorted by the event's time.

    A UUIDv7 (RFC 9562, section 5.7) whose random bits are a hash of what it stands for.
    """
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    digest = int.from_bytes(hashlib.sha256(f"{event_id}\0{user_id}".encode()).digest()[:16], "big")
    random_a, random_b = digest >> 116, digest & ((1 << 62) - 1)
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b))


def shorten(text: str, length: int = BODY_LENGTH) -> str:
    """The text on one line, cut after a word, or within one that would take more than half of the length."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    boundary = line.rfind(" ", length // 2, length)
    return line[: boundary if boundary > 0 else length - 1].rstrip() + "…"
