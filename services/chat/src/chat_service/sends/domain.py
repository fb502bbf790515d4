"""Rules of sending, without I/O: which sends are new, which are replays, and which number each gets."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from uuid_utils import uuid7

from chat_service.conversations.domain import require_open
from chat_service.conversations.errors import NotMember, invalid
from chat_service.files.domain import Attached, require_attached
from chat_service.sends.errors import IdempotencyMismatch
from messenger_contracts.commands import UUID_PATTERN, MessageCreate, SendCommand, Sent, is_storable
from messenger_contracts.conversations import LogEventType
from messenger_contracts.media import Media
from messenger_contracts.shapes import format_timestamp
from servicekit.errors import ServiceError

_ID = re.compile(UUID_PATTERN)


def digest(body: MessageCreate) -> bytes:
    """What a body is recognised by when it is sent again: BLAKE2b, 16 bytes.

    What a body does not say is left out, so that a body of today is the same when bodies can say more.
    """
    if not _says_more(body):
        return hashlib.blake2b((body.text or "").encode(), digest_size=16, person=b"text").digest()
    content = body.model_dump_json(exclude_defaults=True).encode()
    return hashlib.blake2b(content, digest_size=16, person=b"body").digest()


def _says_more(body: MessageCreate) -> bool:
    """Whether there is more to a message than its text."""
    return bool(body.media_ids or body.reply_to or body.thread_root or body.mentions or body.send_at or body.expires_in)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a message has beside its text; most have nothing."""

    media: tuple[str, ...] = ()
    reply_to: str | None = None
    thread_root: str | None = None
    mentions: tuple[str, ...] = ()
    expires_in: int | None = None

    @classmethod
    def of(cls, body: MessageCreate) -> "Extras | None":
        """The extras of a body; None for a plain one."""
        if not _says_more(body):
            return None
        return cls(
            media=tuple(each.lower() for each in body.media_ids),
            reply_to=body.reply_to and body.reply_to.lower(),
            thread_root=body.thread_root and body.thread_root.lower(),
            mentions=tuple(dict.fromkeys(body.mentions)),
            expires_in=body.expires_in,
        )

    @property
    def references(self) -> tuple[str, ...]:
        """The messages that it names."""
        return tuple(each for each in (self.reply_to, self.thread_root) if each)

    def shown(self, sent_at: datetime) -> dict[str, Any]:
        """Its part of the message, as JSON."""
        expires_at = sent_at + timedelta(seconds=self.expires_in) if self.expires_in else None
        return {
            "media": [{"id": each} for each in self.media],
            "reply_to": self.reply_to,
            "thread_root": self.thread_root,
            "mentions": list(self.mentions),
            "expires_at": expires_at and format_timestamp(expires_at),
        }


@dataclass(slots=True)
class Send:
    """A command, read: ids are in their one spelling, and the body has its digest."""

    conversation_id: str
    user_id: str
    username: str
    client_id: str
    text: str | None
    digest: bytes
    extras: Extras | None = None
    attached: Attached | None = None
    """What media said of its files; asked before it is planned, where it has some."""

    @classmethod
    def of(cls, command: SendCommand) -> "Send":
        """Read a command; raises `NotMember` for an id that cannot be a conversation's."""
        if not _ID.fullmatch(command.conversation_id):
            raise NotMember
        actor, body = command.actor, command.body
        return cls(
            command.conversation_id.lower(),
            actor.user_id,
            actor.username,
            command.client_id.lower(),
            body.text,
            digest(body),
            Extras.of(body),
        )

    @classmethod
    def plain(cls, command: dict[str, Any]) -> "Send | None":
        """Read a `SendCommand` that says a text and nothing else; None for any other, and for one with a mistake.

        Most commands are such sends, and the full validation of one costs as much as its place in a transaction.
        """
        body, actor = command.get("body"), command.get("actor")
        if not (isinstance(body, dict) and len(body) == 1 and isinstance(actor, dict)):
            return None
        told: list[Any] = [command.get("conversation_id"), command.get("client_id"), body.get("text")]
        told += actor.get("user_id"), actor.get("username")
        if not all(type(each) is str for each in told):
            return None
        conversation_id, client_id, text, user_id, username = told
        if not (_ID.fullmatch(conversation_id) and _ID.fullmatch(client_id) and is_storable(text)):
            return None
        content = hashlib.blake2b(text.encode(), digest_size=16, person=b"text").digest()
        return cls(conversation_id.lower(), user_id, username, client_id.lower(), text, content)

    @property
    def media_ids(self) -> tuple[str, ...]:
        """The files that it carries."""
        return self.extras.media if self.extras else ()

    @property
    def media(self) -> list[Media] | None:
        """Its files as the others see them; None: it has none."""
        return self.attached.media if self.attached else None

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes the send one and the same, however often it arrives."""
        return self.conversation_id, self.user_id, self.client_id


@dataclass(slots=True)
class Head:
    """Where a conversation's log stands, and who closed it, while it is locked."""

    epoch: str
    last_seq: int
    last_msg_no: int
    closed_by: Collection[str] = ()


@dataclass(slots=True)
class Stored:
    """A message as the database holds it, or is about to."""

    id: str
    seq: int
    msg_no: int
    digest: bytes
    created_at: datetime

    def acknowledge(self, send: Send, *, replayed: bool) -> Sent:
        """The answer to a send that led to this message; raises `IdempotencyMismatch` when it was another body's."""
        if send.digest != self.digest:
            raise IdempotencyMismatch
        sent = Sent(id=self.id, seq=self.seq, msg_no=self.msg_no, created_at=self.created_at, replayed=replayed)
        return sent if send.attached is None else sent.model_copy(update={"media": send.media})


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of a group of sends, by their places: true as long as the conversations are locked."""

    members: Collection[int]
    """The sends whose sender is in the conversation."""
    stored: Mapping[int, Stored]
    waiting: Mapping[int, bytes] = field(default_factory=dict)
    """The digests of messages that wait for their time under the ids of sends."""
    references: Mapping[tuple[int, str], bool] = field(default_factory=dict)
    """Messages that a send may name; whether a thread may begin there."""
    mentionable: Collection[tuple[int, str]] = ()
    """People whom a send may mention."""


@dataclass(slots=True)
class Plan:
    """What a transaction will write, and what each send will be answered."""

    new: list[tuple[Send, Stored]]
    answers: list[Sent | ServiceError]


def plan(sends: Sequence[Send], heads: Mapping[str, Head], known: Known, now: datetime) -> Plan:
    """Give every new send the next numbers of its conversation, in the order of arrival; `heads` are moved forward."""
    result = Plan([], [])
    fresh: dict[tuple[str, str, str], Stored] = {}
    for place, send in enumerate(sends):
        head = heads.get(send.conversation_id)
        try:
            if head is None or place not in known.members:
                raise NotMember
            message = known.stored.get(place) or fresh.get(send.key)
            replayed = message is not None
            if message is None:
                _check(place, send, head, known)
                message = fresh[send.key] = _next(head, send, now)
                result.new.append((send, message))
            result.answers.append(message.acknowledge(send, replayed=replayed))
        except ServiceError as error:
            result.answers.append(error)
    return result


def _check(place: int, send: Send, head: Head, known: Known) -> None:
    """Refuse a new message that may not be written, or names what it may not, or whose id another one waits under."""
    if known.waiting.get(place, send.digest) != send.digest:
        raise IdempotencyMismatch
    if head.closed_by:
        require_open(head.closed_by, send.user_id)
    if send.extras is None:
        return
    if send.extras.reply_to and (place, send.extras.reply_to) not in known.references:
        raise invalid("/reply_to", "is no message of this conversation")
    if send.extras.thread_root and not known.references.get((place, send.extras.thread_root)):
        raise invalid("/thread_root", "is no message of this conversation at which a thread can begin")
    for number, user_id in enumerate(send.extras.mentions):
        if (place, user_id) not in known.mentionable:
            raise invalid(f"/mentions/{number}", "is no member of this conversation")
    if send.extras.media:
        require_attached(send.attached)


def _next(head: Head, send: Send, now: datetime) -> Stored:
    head.last_seq += 1
    head.last_msg_no += 1
    return Stored(str(uuid7()), head.last_seq, head.last_msg_no, send.digest, now)


_PLAIN: dict[str, Any] = {"reply_to": None, "thread_root": None, "mentions": [], "expires_at": None}


def live_event(send: Send, message: Stored, epoch: str, at: str) -> dict[str, Any]:
    """The log event of a message that was just stored: `to_log_event` of its row, made without reading it again.

    `at` is the time of the group, as text.
    """
    conversation_id = send.conversation_id
    extras = send.extras.shown(message.created_at) if send.extras else _PLAIN
    return {
        "c": conversation_id,
        "epoch": epoch,
        "seq": message.seq,
        "type": LogEventType.MESSAGE_CREATED.value,
        "at": at,
        "by": send.user_id,
        "data": {
            "id": message.id,
            "conversation_id": conversation_id,
            "client_id": send.client_id,
            "seq": message.seq,
            "msg_no": message.msg_no,
            "by": send.user_id,
            "text": send.text,
            "media": [each.model_dump(mode="json") for each in send.media or ()] if send.extras else [],
            "reply_to": extras["reply_to"],
            "thread_root": extras["thread_root"],
            "thread_count": 0,
            "mentions": extras["mentions"],
            "reactions": {},
            "previews": [],
            "created_at": at,
            "edited_at": None,
            "deleted_at": None,
            "expires_at": extras["expires_at"],
        },
    }
