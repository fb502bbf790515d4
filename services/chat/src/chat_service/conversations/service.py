"""Use cases of conversations: begin one, list them, read the log of one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from chat_service.conversations.domain import direct_key, parse_id, to_conversation
from chat_service.conversations.errors import NotMember, invalid
from chat_service.conversations.models import ConversationRow
from chat_service.conversations.repository import ConversationRepository
from chat_service.log.service import LiveService, LogService, now
from chat_service.people.service import PeopleService
from messenger_contracts.commands import LiveEvent, Position
from messenger_contracts.conversations import Conversation, EventPage, LogEvent, Skip
from messenger_contracts.identity import Principal
from messenger_contracts.pagination import Page
from messenger_contracts.realtime import Fanout
from servicekit.cursors import Cursors
from servicekit.postgres import Database, Session

MEMBER, OWNER = "member", "owner"


class MembershipService:
    """Tells who is in a conversation, in whatever session asks; under the conversation's lock it is sure to stay so."""

    def __init__(self, repository: ConversationRepository) -> None:
        self._repository = repository

    async def require(self, session: Session, user_id: str, conversation_id: UUID) -> Any:
        """The membership of a person; raises `NotMember`.

        It has the member's `role` and `visible_from`, and the conversation's `kind`, `epoch`, `last_seq`, `closed_by`.
        """
        row = await self._repository.membership(session, user_id, conversation_id)
        if row is None:
            raise NotMember
        return row


class KeptService:
    """Tells what a member keeps of conversations, and what is left to read in them."""

    def __init__(self, repository: ConversationRepository) -> None:
        self._repository = repository

    async def of(self, session: Session, reader: str, ids: Sequence[UUID]) -> dict[UUID, Any]:
        """By conversation: `last_seq`, `epoch`, the member's marks, `draft`, `muted_until`, `unread`, `mention_count`.

        Conversations that the reader is not in are not named.
        """
        return {row.id: row for row in await self._repository.kept(session, reader, ids)}


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
        await MembershipService(self._repository).require(self._session, reader, conversation)
        return conversation

    async def one(self, reader: str, conversation_id: str) -> Conversation:
        """A conversation that the reader is in."""
        row = await self._repository.one(self._session, reader, parse_id(conversation_id))
        if row is None:
            raise NotMember
        return to_conversation(row)

    async def page(self, reader: str, archived: bool, cursor: str | None, limit: int) -> Page[Conversation]:
        """The reader's conversations, newest activity first: those in the archive, or the others."""
        after, scope = None, f"{reader}:{archived}"
        if cursor:
            at, last_id = await self._cursors.read(scope, cursor)
            after = datetime.fromisoformat(at), UUID(last_id)
        rows = await self._repository.page(self._session, reader, archived, after, limit + 1)
        items = [to_conversation(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(items=items)
        last = rows[limit - 1]
        position = (last.active_at.isoformat(), str(last.conversation_id))
        return Page(items=items, next=await self._cursors.make(scope, position))

    async def events(self, reader: str, conversation_id: str, after_seq: int, limit: int) -> EventPage:
        """The log behind a position, oldest first."""
        conversation = parse_id(conversation_id)
        head = await MembershipService(self._repository).require(self._session, reader, conversation)
        events = await self._log.after(self._session, reader, {conversation: after_seq}, limit)
        return EventPage(items=events, epoch=head.epoch, last_seq=max(head.last_seq, _end(events)))

    async def positions_of(self, readers: Iterable[str]) -> dict[str, dict[UUID, Position]]:
        """Where each conversation of each of these people stands."""
        standing: dict[str, dict[UUID, Position]] = {reader: {} for reader in readers}
        for row in await self._repository.positions_of(self._session, list(standing)):
            standing[row.user_id][row.id] = _position(row)
        return standing

    async def positions(self, ids: Sequence[str]) -> dict[UUID, Position]:
        """Where some conversations stand, for our own gateways."""
        rows = await self._repository.positions(self._session, [parse_id(each) for each in ids])
        return {row.id: _position(row) for row in rows}

    async def missed(self, reader: str, after: Mapping[UUID, int], limit: int) -> list[LogEvent | Skip]:
        """What a reader gets to see behind positions in conversations that the reader is in."""
        return await self._log.after(self._session, reader, after, limit)

    async def raw(self, after: Mapping[UUID, int], limit: int) -> list[LiveEvent]:
        """What stands behind positions, for our own gateways, which know who may see what."""
        return await self._log.raw(self._session, after, limit)


def _end(events: Sequence[LogEvent | Skip]) -> int:
    last = events[-1] if events else None
    return last.to if isinstance(last, Skip) else last.seq if last else 0


def _position(row: Any) -> Position:
    return Position(epoch=row.epoch, last_seq=row.last_seq, direct=row.kind == "direct", visible_from=row.visible_from)


class ConversationCommands:
    """Begins conversations."""

    def __init__(
        self, database: Database, repository: ConversationRepository, log: LogService, live: LiveService
    ) -> None:
        self._database = database
        self._repository = repository
        self._log = log
        self._live = live

    async def begin_direct(self, caller: Principal, peer_id: str, people: PeopleService) -> tuple[Conversation, bool]:
        """The direct conversation of two people, and whether it was made now; a second one is the first."""
        if peer_id == caller.user_id:
            raise invalid("/member_ids/0", "must be somebody else")
        peer = await people.require(peer_id, "/member_ids/0")
        members = [(caller.user_id, caller.username, MEMBER), (peer.id, peer.username, MEMBER)]
        new = _new("direct", direct_key=direct_key(caller.user_id, peer_id))
        async with self._database.write() as session:
            created = await self._create(session, caller, new, members)
            conversation_id = new.id if created else await self._repository.by_key(session, str(new.direct_key))
            row = await self._repository.one(session, caller.user_id, conversation_id)
        if created:
            await self._tell(new.id, [caller.user_id, peer_id])
        return to_conversation(row), created

    async def _create(
        self, session: Session, caller: Principal, new: ConversationRow, members: Sequence[tuple[str, str, str]]
    ) -> bool:
        if not await self._repository.create(session, new, members):
            return False
        joined = [{"user_id": user_id, "username": name, "role": role} for user_id, name, role in members]
        await self._log.begin(session, new.id, new.created_at, (caller.user_id, caller.username), joined)
        return True

    async def _tell(self, conversation_id: UUID, members: Iterable[str]) -> None:
        joined = Fanout(joined=[str(conversation_id)])
        await self._live.tell(dict.fromkeys(members, joined))


def _new(kind: str, **members: Any) -> ConversationRow:
    values = {"direct_key": None, "title": None, "avatar": None, "history": "joined", **members}
    return ConversationRow(id=uuid7(), kind=kind, epoch=uuid7().hex[-12:], created_at=now(), **values)
