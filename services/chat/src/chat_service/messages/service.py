"""Use cases of messages: read them."""

from typing import cast
from uuid import UUID

from chat_service.conversations.service import ConversationService
from chat_service.log.domain import MessageColumns, to_message
from chat_service.messages.errors import MessageNotFound
from chat_service.messages.repository import MessageRepository
from messenger_contracts.conversations import Message
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.postgres import Session

NEWEST = 2**62


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
