"""Use cases of conversations: begin one, list them, read on."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from chat_service.conversations.domain import direct_key, parse_id, to_conversation
from chat_service.conversations.errors import NotMember, invalid
from chat_service.conversations.repository import ConversationRepository
from chat_service.log.service import LogService
from chat_service.people.service import PeopleService
from messenger_contracts.commands import Position
from messenger_contracts.conversations import Conversation, EventPage, LogEvent, LogEventType, ReadMark
from messenger_contracts.identity import Principal
from messenger_contracts.pagination import Page
from messenger_contracts.realtime import Fanout, conversation_channel, user_channel
from servicekit.cursors import Cursors
from servicekit.fanout import FanoutPublisher
from servicekit.postgres import Database, Session

MEMBER = "member"
CREATION_EVENTS = 2


class ConversationService:
    """Reads conversations for one reader at a time."""

    def __init__(self, session: Session, repository: ConversationRepository, log: LogService, cursors: Cursors) -> None:
        self._session = session
        self._repository = repository
        self._log = log
        self._cursors = cursors

    async def require_member(self, reader: str, conversation_id: str) -> UUID:
        """The conversation's id, if the reader is in it; raises `NotMember`."""
        conversation = parse_id(conversation_id)
        if await self._repository.head(self._session, reader, conversation) is None:
            raise NotMember
        return conversation

    async def one(self, reader: str, conversation_id: str) -> Conversation:
        """A conversation that the reader is in."""
        row = await self._repository.one(self._session, reader, parse_id(conversation_id))
        if row is None:
            raise NotMember
        return to_conversation(row)

    async def page(self, reader: str, cursor: str | None, limit: int) -> Page[Conversation]:
        """The reader's conversations, newest activity first."""
        after = None
        if cursor:
            at, last_id = await self._cursors.read(reader, cursor)
            after = datetime.fromisoformat(at), UUID(last_id)
        rows = await self._repository.page(self._session, reader, after, limit + 1)
        items = [to_conversation(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(items=items)
        last = rows[limit - 1]
        position = (last.active_at.isoformat(), str(last.conversation_id))
        return Page(items=items, next=await self._cursors.make(reader, position))

    async def events(self, reader: str, conversation_id: str, after_seq: int, limit: int) -> EventPage:
        """The log behind a position, oldest first."""
        conversation = parse_id(conversation_id)
        head = await self._repository.head(self._session, reader, conversation)
        if head is None:
            raise NotMember
        events = await self._log.after(self._session, {conversation: after_seq}, limit)
        last_seq = max(head.last_seq, events[-1].seq if events else 0)
        return EventPage(items=events, epoch=head.epoch, last_seq=last_seq)

    async def positions_of(self, reader: str) -> dict[UUID, Position]:
        """Where each conversation of the reader stands."""
        return _positions(await self._repository.positions_of(self._session, reader))

    async def positions(self, ids: Sequence[str]) -> dict[UUID, Position]:
        """Where some conversations stand, for our own gateways."""
        return _positions(await self._repository.positions(self._session, [parse_id(each) for each in ids]))

    async def missed(self, after: Mapping[UUID, int], limit: int) -> list[LogEvent]:
        """The events behind positions that the caller has scoped to a reader."""
        return await self._log.after(self._session, after, limit)


def _positions(rows: Sequence[Any]) -> dict[UUID, Position]:
    return {row.id: Position(epoch=row.epoch, last_seq=row.last_seq) for row in rows}


class ConversationCommands:
    """Changes conversations. Each change is a transaction of its own, and is told to the sockets after its commit."""

    def __init__(
        self,
        database: Database,
        repository: ConversationRepository,
        log: LogService,
        fanout: FanoutPublisher,
        namespace: str,
    ) -> None:
        self._database = database
        self._repository = repository
        self._log = log
        self._fanout = fanout
        self._namespace = namespace

    async def begin_direct(self, caller: Principal, peer_id: str, people: PeopleService) -> tuple[Conversation, bool]:
        """The direct conversation of two people, and whether it was made now; a second one is the first."""
        if peer_id == caller.user_id:
            raise invalid("/member_ids/0", "must be somebody else")
        peer = await people.require(peer_id, "/member_ids/0")
        members = {caller.user_id: caller.username, peer.id: peer.username}
        key = direct_key(caller.user_id, peer_id)
        async with self._database.write() as session:
            created = await self._create(session, caller, key, members)
            conversation_id = created or await self._repository.by_key(session, key)
            row = await self._repository.one(session, caller.user_id, conversation_id)
        if created:
            joined = Fanout(joined=[str(created)])
            await self._fanout.publish([(user_channel(self._namespace, member), joined) for member in members])
        return to_conversation(row), created is not None

    async def _create(self, session: Session, caller: Principal, key: str, members: dict[str, str]) -> UUID | None:
        conversation_id, epoch, now = uuid7(), uuid7().hex[-12:], datetime.now(UTC)
        if not await self._repository.create(
            session, conversation_id, "direct", key, epoch, now, last_seq=CREATION_EVENTS
        ):
            return None
        await self._repository.add_members(session, conversation_id, members, MEMBER, now)
        joined = [{"user_id": user_id, "username": name, "role": MEMBER} for user_id, name in members.items()]
        await self._log.append(
            session, conversation_id, 1, LogEventType.MEMBER_JOINED, now, (caller.user_id, caller.username), joined
        )
        return conversation_id

    async def read(self, reader: str, conversation_id: str, seq: int) -> ReadMark:
        """Move the reader's mark forward to `seq`; a mark that is further stays."""
        conversation = parse_id(conversation_id)
        async with self._database.write() as session:
            moved = await self._repository.move_read(session, reader, conversation, seq)
            state = await self._repository.read_state(session, reader, conversation)
        if state is None:
            raise NotMember
        if seq > state.last_seq:
            raise invalid("/seq", f"must be at most the conversation's last_seq, {state.last_seq}")
        if moved:
            push = {"op": "read", "d": {"c": str(conversation), "by": reader, "seq": state.read_seq}}
            channel = conversation_channel(self._namespace, str(conversation))
            await self._fanout.publish([(channel, Fanout(pushes=[push]))])
        return ReadMark(
            conversation_id=str(conversation),
            user_id=reader,
            read_seq=state.read_seq,
            last_seq=state.last_seq,
            unread=state.unread,
        )
