"""Use cases of pins."""

from datetime import datetime
from typing import Any, cast

from chat_service.conversations.domain import parse_id
from chat_service.conversations.service import MembershipService
from chat_service.files.service import FileService
from chat_service.log.domain import MessageColumns, to_message
from chat_service.messages.service import MessageChanges
from chat_service.pins.errors import TooManyPins
from chat_service.pins.repository import PinRepository
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import LogEventType, Message
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.postgres import Database

MOST_PINS = 100


class PinService:
    """Pins and unpins messages, each in a transaction of its own, and lists those that are pinned."""

    def __init__(
        self,
        database: Database,
        about: MessageChanges,
        memberships: MembershipService,
        repository: PinRepository,
        cursors: Cursors,
        files: FileService,
    ) -> None:
        self._database = database
        self._about = about
        self._memberships = memberships
        self._repository = repository
        self._cursors = cursors
        self._files = files

    async def pin(self, actor: Actor, conversation_id: str, message_id: str) -> int | None:
        """Pin a message; returns the place of the event, if it was not pinned. Raises `TooManyPins`."""
        async with self._about.about(actor, conversation_id, message_id) as about:
            about.require_open(actor)
            change, seq = about.change, about.message.message_seq
            if await self._repository.count_others(change.session, about.conversation_id, seq) >= MOST_PINS:
                raise TooManyPins
            added = await self._repository.add(change.session, about.conversation_id, seq, actor.user_id, change.at)
            return await about.append(LogEventType.PIN_ADDED, actor) if added else None

    async def unpin(self, actor: Actor, conversation_id: str, message_id: str) -> int | None:
        """Unpin a message, whoever pinned it; returns the place of the event, if it was pinned."""
        async with self._about.about(actor, conversation_id, message_id) as about:
            about.require_shown()
            seq = about.message.message_seq
            removed = await self._repository.remove(about.change.session, about.conversation_id, seq)
            return await about.append(LogEventType.PIN_REMOVED, actor) if removed else None

    async def page(self, reader: str, conversation_id: str, cursor: str | None, limit: int) -> Page[Message]:
        """The pinned messages of a conversation that the reader is in, newest pin first."""
        conversation = parse_id(conversation_id)
        scope = f"{reader}:{conversation}"
        after = None
        if cursor:
            at, seq = await self._cursors.read(scope, cursor)
            after = datetime.fromisoformat(at), seq
        async with self._database.read() as session:
            await self._memberships.require(session, reader, conversation)
            rows = await self._repository.page(session, reader, conversation, after, limit + 1)
        page = await self._cursors.page(scope, rows, limit, _position)
        messages = [to_message(cast("MessageColumns", row)) for row in page.items]
        await self._files.describe(reader, messages)
        return Page(items=messages, next=page.next)


def _position(row: Any) -> tuple[str, int]:
    return row.pinned_at.isoformat(), row.message_seq
