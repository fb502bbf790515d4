"""Use cases of marks: how far a member has read and received."""

from uuid import UUID

from chat_service.conversations.domain import parse_id
from chat_service.conversations.errors import NotMember, invalid
from chat_service.conversations.service import KeptService
from chat_service.log.service import LiveService
from chat_service.marks.repository import MarkRepository
from messenger_contracts.commands import ReadCommand
from messenger_contracts.conversations import ReadMark
from servicekit.postgres import Database, Session


class MarkService:
    """Moves marks, each in a transaction of its own."""

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
            state = (await self._kept.of(session, reader, [conversation])).get(conversation)
        if state is None:
            raise NotMember
        if command.seq > state.last_seq:
            raise invalid("/seq", f"must be at most the conversation's last_seq, {state.last_seq}")
        if moved and not command.private:
            mark = "delivered" if command.delivered else "read"
            push = {"c": str(conversation), "by": reader, "seq": command.seq, "mark": mark}
            await self._live.push(conversation, {"op": "read", "d": push})
        return ReadMark(
            conversation_id=str(conversation),
            user_id=reader,
            read_seq=state.read_seq,
            delivered_seq=state.delivered_seq,
            last_seq=state.last_seq,
            unread=state.unread,
            mentions=state.mention_count,
        )

    async def _move(self, session: Session, command: ReadCommand, conversation: UUID) -> bool:
        reader = command.actor.user_id
        if command.delivered:
            return await self._repository.move_delivered(session, reader, conversation, command.seq)
        return await self._repository.move_read(session, reader, conversation, command.seq, private=command.private)
