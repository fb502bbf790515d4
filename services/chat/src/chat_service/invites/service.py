"""Use cases of invites: make, list and revoke them, and come in by one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chat_service.conversations.domain import ADMIN, MEMBER, parse_id, require_role
from chat_service.conversations.errors import NotMember
from chat_service.conversations.service import MembershipService
from chat_service.invites.domain import new_code, parse_code, to_invite
from chat_service.invites.errors import InviteNotFound, TooManyInvites
from chat_service.invites.repository import InviteRepository
from chat_service.invites.schemas import InviteCreate
from chat_service.log.service import ChangeService, now
from chat_service.members.service import MemberCommands
from chat_service.people.service import Person
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Conversation, Invite
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.idempotency import Answer, Attempt
from servicekit.postgres import Database, Session
from servicekit.postgres_idempotency import PostgresIdempotency

MOST_INVITES = 100


class InviteService:
    """Keeps the invites of groups, each change in a transaction of its own."""

    def __init__(
        self,
        database: Database,
        repository: InviteRepository,
        memberships: MembershipService,
        changes: ChangeService,
        members: MemberCommands,
        cursors: Cursors,
    ) -> None:
        self._database = database
        self._repository = repository
        self._memberships = memberships
        self._changes = changes
        self._members = members
        self._cursors = cursors
        self._keys = PostgresIdempotency()

    async def create(self, actor: Actor, conversation_id: str, wish: InviteCreate, attempt: Attempt) -> Answer[Invite]:
        """A new invite to a group that the actor looks after; raises `TooManyInvites`."""
        async with self._changes.change(parse_id(conversation_id)) as change:
            if change is None:
                raise NotMember
            session, conversation = change.session, change.conversation_id
            await self._require_admin(session, actor.user_id, conversation)

            async def make() -> Answer[Invite]:
                if await self._repository.count_good(session, conversation) >= MOST_INVITES:
                    raise TooManyInvites
                return Answer(to_invite(await self._repository.add(session, _new(actor, conversation, wish))))

            return await self._keys.once(session, attempt, Invite, make)

    async def page(self, reader: str, conversation_id: str, cursor: str | None, limit: int) -> Page[Invite]:
        """The invites of a group that the reader looks after, newest first; those that ended are left out."""
        conversation = parse_id(conversation_id)
        scope, after = f"{reader}:{conversation}", None
        if cursor:
            at, code = await self._cursors.read(scope, cursor)
            after = datetime.fromisoformat(at), code
        async with self._database.read() as session:
            await self._require_admin(session, reader, conversation)
            rows = await self._repository.page(session, conversation, after, limit + 1)
        page = await self._cursors.page(scope, rows, limit, _position)
        return Page(items=[to_invite(row) for row in page.items], next=page.next)

    async def revoke(self, actor: Actor, conversation_id: str, code: str) -> None:
        """End an invite, so that nobody else comes in by it; raises `InviteNotFound`."""
        conversation = parse_id(conversation_id)
        async with self._database.write() as session:
            await self._require_admin(session, actor.user_id, conversation)
            if not await self._repository.revoke(session, conversation, parse_code(code), now()):
                raise InviteNotFound

    async def accept(self, actor: Actor, code: str) -> Conversation:
        """Come into a group; who is in it already stays, and uses nothing up.

        Raises `InviteNotFound`, and of a good one `Removed` or `GroupFull`.
        """
        async with self._database.read() as session:
            conversation = await self._repository.leads_to(session, parse_code(code))
        if conversation is None:
            raise InviteNotFound
        added: dict[str, int] = {}
        async with self._changes.change(conversation) as change:
            if change is None:
                raise InviteNotFound
            if await self._memberships.find(change.session, actor.user_id, conversation) is None:
                if not await self._repository.use(change.session, code):
                    raise InviteNotFound
                await self._members.require_may_return(change, actor.user_id)
                person = Person(id=actor.user_id, username=actor.username)
                added = await self._members.admit(change, actor, [person], MEMBER)
        await self._changes.live.joined(conversation, added)
        async with self._database.read() as session:
            shown, _ = await self._memberships.conversation(session, actor.user_id, conversation)
        return shown

    async def _require_admin(self, session: Session, user_id: str, conversation: UUID) -> None:
        require_role(await self._memberships.require(session, user_id, conversation), ADMIN)


def _new(actor: Actor, conversation: UUID, wish: InviteCreate) -> dict[str, Any]:
    created_at = now()
    return {
        "code": new_code(),
        "conversation_id": conversation,
        "created_by": actor.user_id,
        "created_at": created_at,
        "expires_at": created_at + timedelta(seconds=wish.expires_in) if wish.expires_in else None,
        "max_uses": wish.max_uses,
    }


def _position(row: Any) -> tuple[str, str]:
    return row.created_at.isoformat(), row.code
