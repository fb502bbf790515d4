"""Use cases of marks: how far a member has read and received, and what a member keeps about a conversation.

What is kept is the member's alone, and stays until the member takes it back: a new message does not bring an archived
conversation out of the archive (it counts as unread there), and neither clears a draft nor ends a mute.
"""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from chat_service.conversations.domain import parse_id
from chat_service.conversations.errors import NotMember, invalid
from chat_service.conversations.service import KeptService, MembershipService
from chat_service.log.service import LiveService, now
from chat_service.marks.domain import to_kept, to_read_mark, to_receipt
from chat_service.marks.repository import MarkRepository
from messenger_contracts.commands import ReadCommand
from messenger_contracts.conversations import Draft, Kept, ReadMark, Receipt
from messenger_contracts.pagination import Page
from messenger_contracts.realtime import Fanout
from servicekit.cursors import Cursors
from servicekit.postgres import Database, Session


class MarkService:
    """Moves marks and keeps things, each in a transaction of its own; then tells the member's other devices."""

    def __init__(self, database: Database, repository: MarkRepository, kept: KeptService, live: LiveService) -> None:
        self._database = database
        self._repository = repository
        self._kept = kept
        self._live = live

    async def read(self, command: ReadCommand) -> ReadMark:
        """Move the reader's mark forward to `seq`; a mark that is further stays."""
        reader, conversation = command.actor.user_id, parse_id(command.conversation_id)
        async with self._database.write() as session:
            moved = await self._move(session, command, conversation)
            state = await self._state(session, reader, conversation)
        if command.seq > state.last_seq:
            raise invalid("/seq", f"must be at most the conversation's last_seq, {state.last_seq}")
        if moved is not None:
            await asyncio.gather(self._show(command, conversation, moved), self._tell(reader, conversation, state))
        return to_read_mark(conversation, reader, state)

    async def mark_unread(self, reader: str, conversation_id: str) -> Kept:
        """Let the conversation count as unread until the next read."""
        return await self._keep(reader, conversation_id, "marked_unread", True)

    async def draft(self, reader: str, conversation_id: str, text: str, reply_to: str | None) -> Kept:
        """Keep what has been written so far."""
        draft = Draft(text=text, reply_to=reply_to and reply_to.lower(), updated_at=now())
        return await self._keep(reader, conversation_id, "draft", draft.model_dump(mode="json"))

    async def drop_draft(self, reader: str, conversation_id: str) -> Kept:
        """Forget what was written."""
        return await self._keep(reader, conversation_id, "draft", None)

    async def mute(self, reader: str, conversation_id: str, until: datetime | None) -> Kept:
        """Let the conversation notify nobody until a time; None: let it notify again."""
        return await self._keep(reader, conversation_id, "muted_until", until)

    async def pin(self, reader: str, conversation_id: str, pinned: bool) -> Kept:
        """Pin the conversation to the top of the member's list, or not any more."""
        return await self._keep(reader, conversation_id, "pinned", pinned)

    async def archive(self, reader: str, conversation_id: str, archived: bool) -> Kept:
        """Put the conversation into the member's archive, or take it out."""
        return await self._keep(reader, conversation_id, "archived", archived)

    async def _move(self, session: Session, command: ReadCommand, conversation: UUID) -> Any:
        reader = command.actor.user_id
        if command.delivered:
            return await self._repository.move_delivered(session, reader, conversation, command.seq)
        return await self._repository.move_read(session, reader, conversation, command.seq, private=command.private)

    async def _keep(self, reader: str, conversation_id: str, name: str, value: Any) -> Kept:
        conversation = parse_id(conversation_id)
        async with self._database.write() as session:
            changed = await self._repository.keep(session, reader, conversation, name, value)
            state = await self._state(session, reader, conversation)
        if changed:
            await self._tell(reader, conversation, state)
        return to_kept(conversation, state)

    async def _state(self, session: Session, reader: str, conversation: UUID) -> Any:
        state = (await self._kept.of(session, reader, [conversation])).get(conversation)
        if state is None:
            raise NotMember
        return state

    async def _show(self, command: ReadCommand, conversation: UUID, moved: Any) -> None:
        """Tell the others, where the conversation is small enough and they may know."""
        if moved.told and not command.private:
            mark = "delivered" if command.delivered else "read"
            push = {"c": str(conversation), "by": command.actor.user_id, "seq": moved.shown, "mark": mark}
            await self._live.push(conversation, {"op": "read", "d": push})

    async def _tell(self, reader: str, conversation: UUID, state: Any) -> None:
        push = {"op": "conversation", "d": to_kept(conversation, state).model_dump(mode="json")}
        await self._live.tell({reader: Fanout(pushes=[push])})


class ReceiptService:
    """Shows how far the other members of a conversation have read and received."""

    def __init__(
        self, session: Session, repository: MarkRepository, memberships: MembershipService, cursors: Cursors
    ) -> None:
        self._session = session
        self._repository = repository
        self._memberships = memberships
        self._cursors = cursors

    async def page(self, reader: str, conversation_id: str, cursor: str | None, limit: int) -> Page[Receipt]:
        """The others' marks, by their ids."""
        conversation = parse_id(conversation_id)
        await self._memberships.require(self._session, reader, conversation)
        scope = f"{reader}:{conversation}"
        after = await self._cursors.read(scope, cursor) if cursor else ""
        rows = await self._repository.receipts(self._session, reader, conversation, after, limit + 1)
        items = [to_receipt(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(items=items)
        return Page(items=items, next=await self._cursors.make(scope, items[-1].user_id))
