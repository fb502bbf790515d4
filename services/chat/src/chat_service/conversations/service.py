"""Use cases of conversations: list them, read the log of one, know who is in one and who may write to whom."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chat_service.conversations.domain import direct_key, parse_id, to_conversation
from chat_service.conversations.errors import Blocking, ClosedInbox, EpochChanged, NotMember
from chat_service.conversations.repository import ConversationRepository
from chat_service.files.service import FileService
from chat_service.log.service import LogService
from messenger_contracts.commands import JoinsAnswer, LiveEvent, Peers, PeersCommand, Position
from messenger_contracts.conversations import Conversation, EventPage, LogEvent, Skip
from messenger_contracts.pagination import Page
from messenger_contracts.problem import FieldError
from servicekit.cursors import Cursors
from servicekit.postgres import Database, Session


class MembershipService:
    """Tells who is in a conversation, in whatever session asks; under the conversation's lock it is sure to stay so."""

    def __init__(self, repository: ConversationRepository) -> None:
        self._repository = repository

    async def require(self, session: Session, user_id: str, conversation_id: UUID) -> Any:
        """The membership of a person; raises `NotMember`.

        It has the member's `role` and `visible_from`, and the conversation's `kind`, `epoch`, `last_seq`, `closed_by`.
        """
        row = await self.find(session, user_id, conversation_id)
        if row is None:
            raise NotMember
        return row

    async def find(self, session: Session, user_id: str, conversation_id: UUID) -> Any | None:
        """The membership of a person, if there is one; as `require` otherwise."""
        return await self._repository.membership(session, user_id, conversation_id)

    async def conversation(self, session: Session, user_id: str, conversation_id: UUID) -> tuple[Conversation, int]:
        """The conversation as a member sees it, and the version of what can be changed in it; raises `NotMember`."""
        row = await self._repository.one(session, user_id, conversation_id)
        if row is None:
            raise NotMember
        return to_conversation(row), row.version


class InboxService:
    """Tells whether people take what a person sends, in whatever session asks."""

    def __init__(self, repository: ConversationRepository) -> None:
        self._repository = repository

    async def require_open(
        self,
        session: Session,
        user_id: str,
        others: Sequence[str],
        pointer: str | None = None,
        *,
        but: Collection[str] = (),
    ) -> None:
        """Refuse to bring a person together with who blocks this person, or is blocked; `but` some need not be asked.

        Raises `Blocking` or `ClosedInbox`, which names the places of those people in the list at `pointer`.
        """
        rows = await self._repository.blocks_between(session, user_id, [each for each in others if each not in but])
        blocked, blockers = {row.blocked for row in rows}, {row.blocker for row in rows}
        for refusal, people in ((Blocking, blocked - {user_id}), (ClosedInbox, blockers - {user_id})):
            places = [place for place, other in enumerate(others) if other in people]
            if places:
                detail = refusal.detail
                raise refusal(errors=[FieldError(pointer=f"{pointer}/{n}", detail=detail) for n in places if pointer])

    async def hold(self, session: Session, direct_key: str) -> None:
        """Let nobody else begin the direct conversation of two people, or block in it, until the transaction ends.

        Take it before the conversation's own lock: a block may come when there is no conversation to lock yet.
        """
        await self._repository.hold_pair(session, direct_key)


class KeptService:
    """Tells what a member keeps of conversations, and what is left to read in them."""

    def __init__(self, repository: ConversationRepository) -> None:
        self._repository = repository

    async def of(self, session: Session, reader: str, ids: Sequence[UUID]) -> dict[UUID, Any]:
        """By conversation: `last_seq`, `epoch`, the member's marks, `draft`, `muted_until`, `unread`, `mention_count`.

        Conversations that the reader is not in are not named.
        """
        return {row.id: row for row in await self._repository.kept(session, reader, ids)}


class PeerService:
    """Tells whom a person may see the presence of."""

    def __init__(self, database: Database, repository: ConversationRepository) -> None:
        self._database = database
        self._repository = repository

    async def among(self, command: PeersCommand) -> Peers:
        """Those of some people with whom the actor has a direct conversation that nobody closed by a block."""
        actor = command.actor.user_id
        keys = [direct_key(actor, each) for each in command.user_ids if each != actor and "\x00" not in each]
        async with self._database.read() as session:
            return Peers(user_ids=list(await self._repository.peers(session, actor, keys)))


class ConversationService:
    """Reads conversations for one reader at a time."""

    def __init__(
        self,
        session: Session,
        repository: ConversationRepository,
        log: LogService,
        cursors: Cursors,
        files: FileService,
    ) -> None:
        self._session = session
        self._repository = repository
        self._log = log
        self._cursors = cursors
        self._files = files

    async def require_member(self, reader: str, conversation_id: str) -> UUID:
        """The conversation's id, if the reader is in it; raises `NotMember`."""
        conversation = parse_id(conversation_id)
        await MembershipService(self._repository).require(self._session, reader, conversation)
        return conversation

    async def one(self, reader: str, conversation_id: str) -> tuple[Conversation, int]:
        """A conversation that the reader is in, and its version."""
        memberships = MembershipService(self._repository)
        conversation, version = await memberships.conversation(self._session, reader, parse_id(conversation_id))
        await self._files.describe(reader, [conversation.last_message], self._session)
        return conversation, version

    async def page(self, reader: str, archived: bool, cursor: str | None, limit: int) -> Page[Conversation]:
        """The reader's conversations, newest activity first: those in the archive, or the others."""
        after, scope = None, f"{reader}:{archived}"
        if cursor:
            at, last_id = await self._cursors.read(scope, cursor)
            after = datetime.fromisoformat(at), UUID(last_id)
        rows = await self._repository.page(self._session, reader, archived, after, limit + 1)
        items = [to_conversation(row) for row in rows[:limit]]
        await self._files.describe(reader, [each.last_message for each in items], self._session)
        if len(rows) <= limit:
            return Page(items=items)
        last = rows[limit - 1]
        position = (last.active_at.isoformat(), str(last.conversation_id))
        return Page(items=items, next=await self._cursors.make(scope, position))

    async def events(
        self, reader: str, conversation_id: str, after_seq: int, limit: int, epoch: str | None = None
    ) -> EventPage:
        """The log behind a position, oldest first; raises `EpochChanged` when the position is of another epoch."""
        conversation = parse_id(conversation_id)
        head = await MembershipService(self._repository).require(self._session, reader, conversation)
        if epoch and epoch != head.epoch:
            raise EpochChanged
        events = await self._log.after(self._session, reader, {conversation: after_seq}, limit)
        await self._files.describe(reader, events, self._session)
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

    async def joined(self, people: Sequence[str], after: int) -> JoinsAnswer:
        """Into which conversations some people came since a version, for our own gateways."""
        version, rows = await self._repository.joined(self._session, people, after)
        joined: dict[str, dict[str, Position]] = {}
        for row in rows:
            joined.setdefault(row.user_id, {})[str(row.id)] = _position(row)
        return JoinsAnswer(joined=joined, version=version)

    async def missed(self, reader: str, after: Mapping[UUID, int], limit: int) -> list[LogEvent | Skip]:
        """What a reader gets to see behind positions in conversations that the reader is in."""
        events = await self._log.after(self._session, reader, after, limit)
        await self._files.describe(reader, events, self._session)
        return events

    async def missed_by(
        self, after: Mapping[tuple[str, UUID], int], limit: int
    ) -> dict[tuple[str, UUID], list[LogEvent | Skip]]:
        """What each of many readers gets to see behind positions, by reader and conversation."""
        stretches = await self._log.after_of_each(self._session, after, limit)
        theirs: defaultdict[str, list[LogEvent | Skip]] = defaultdict(list)
        for (reader, _), events in stretches.items():
            theirs[reader] += events
        await self._files.describe_each(theirs, self._session)
        return stretches

    async def raw(self, after: Mapping[UUID, int], limit: int) -> list[LiveEvent]:
        """What stands behind positions, for our own gateways, which know who may see what."""
        events = await self._log.raw(self._session, after, limit)
        await self._files.describe_to_all((each.event for each in events), self._session)
        return events


def _end(events: Sequence[LogEvent | Skip]) -> int:
    last = events[-1] if events else None
    return last.to if isinstance(last, Skip) else last.seq if last else 0


def _position(row: Any) -> Position:
    return Position(epoch=row.epoch, last_seq=row.last_seq, direct=row.kind == "direct", visible_from=row.visible_from)
