"""Use cases of members: list them, take people in, change roles, let people go.

Every change happens under the conversation's lock: so `member_count` is the number of members, and a group with members
has an owner.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from chat_service.conversations.domain import MEMBER, OWNER, parse_id, require_role
from chat_service.conversations.errors import NotMember
from chat_service.conversations.service import InboxService, MembershipService
from chat_service.lifecycles.service import LifecycleService
from chat_service.log.service import Change, ChangeService
from chat_service.members.domain import (
    parse_user_id,
    require_may_add,
    require_may_remove,
    require_may_set,
    to_member,
    told,
)
from chat_service.members.errors import GroupFull, LastOwner, MemberNotFound, Removed
from chat_service.members.repository import MemberRepository
from chat_service.members.schemas import MembersAdded
from chat_service.people.service import PeopleService, Person
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import LogEventType, Member, Role
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.postgres import Session


class MemberService:
    """Shows members to other members."""

    def __init__(
        self, session: Session, repository: MemberRepository, memberships: MembershipService, cursors: Cursors
    ) -> None:
        self._session = session
        self._repository = repository
        self._memberships = memberships
        self._cursors = cursors

    async def page(self, reader: str, conversation_id: str, cursor: str | None, limit: int) -> Page[Member]:
        """The members of a conversation that the reader is in: owners, admins, then the others."""
        conversation = parse_id(conversation_id)
        await self._memberships.require(self._session, reader, conversation)
        scope, after = f"{reader}:{conversation}", None
        if cursor:
            rank, joined_at, last = await self._cursors.read(scope, cursor)
            after = rank, datetime.fromisoformat(joined_at), last
        rows = await self._repository.page(self._session, conversation, after, limit + 1)
        page = await self._cursors.page(scope, rows, limit, _position)
        return Page(items=[to_member(row) for row in page.items], next=page.next)

    async def one(self, reader: str, conversation_id: str, user_id: str) -> Member:
        """A member of a conversation that the reader is in."""
        conversation = parse_id(conversation_id)
        await self._memberships.require(self._session, reader, conversation)
        row = await self._repository.one(self._session, conversation, parse_user_id(user_id))
        if row is None:
            raise MemberNotFound
        return to_member(row)


def _position(row: Any) -> tuple[int, str, str]:
    return row.rank, row.joined_at.isoformat(), row.user_id


class MemberCommands:
    """Changes who is in a group, and in which role."""

    def __init__(
        self,
        changes: ChangeService,
        repository: MemberRepository,
        memberships: MembershipService,
        inboxes: InboxService,
        lifecycles: LifecycleService,
        *,
        most_members: int,
    ) -> None:
        self._changes = changes
        self._repository = repository
        self._memberships = memberships
        self._inboxes = inboxes
        self._lifecycles = lifecycles
        self._most_members = most_members

    async def put(
        self, actor: Actor, conversation_id: str, user_id: str, role: Role | None, people: PeopleService
    ) -> tuple[Member, bool]:
        """Let a person be a member, in a role; returns the member, and whether the person has just come in.

        Raises `MemberNotFound`, `NotMember`, `NotGroup`, `RoleRequired`, `GroupFull`, `LastOwner`, `ClosedInbox`,
        `Blocking`.
        """
        person = await people.find(user_id)
        if person is None:
            raise MemberNotFound
        added: dict[str, int] = {}
        async with self._group(actor, conversation_id) as (change, own):
            present = await self._repository.one(change.session, change.conversation_id, user_id)
            if present is None:
                require_may_add(own, role or MEMBER)
                await self._inboxes.require_open(change.session, actor.user_id, [user_id])
                added = await self.admit(change, actor, [person], role or MEMBER)
            else:
                await self._set_role(change, actor, own, present, role or present.role)
            row = await self._repository.one(change.session, change.conversation_id, user_id)
        await self._changes.live.joined(change.conversation_id, added)
        return to_member(row), bool(added)

    async def put_all(
        self, actor: Actor, conversation_id: str, user_ids: Sequence[str], people: PeopleService
    ) -> MembersAdded:
        """Let many people be members, all or none; those who are members already stay what they are.

        Raises as `put`, and `ValidationFailed` for people whom there are not.
        """
        found = await people.require_all(user_ids, "/user_ids")
        async with self._group(actor, conversation_id) as (change, own):
            require_may_add(own, MEMBER)
            present = await self._repository.present(change.session, change.conversation_id, user_ids)
            await self._inboxes.require_open(change.session, actor.user_id, user_ids, "/user_ids", but=present)
            added = await self.admit(change, actor, found, MEMBER)
        await self._changes.live.joined(change.conversation_id, added)
        return MembersAdded(added=list(added), member_count=change.head.member_count + len(added))

    async def remove(self, actor: Actor, conversation_id: str, user_id: str) -> None:
        """Let a person go: the actor, or somebody whom the actor may remove. Who is no member is none afterwards.

        The last owner may leave only as the last member, and the group ends with that; otherwise raises `LastOwner`.
        """
        gone: Sequence[str] = ()
        async with self._group(actor, conversation_id) as (change, own):
            row = await self._repository.one(change.session, change.conversation_id, parse_user_id(user_id))
            if user_id != actor.user_id:
                require_may_remove(own, row.role if row else MEMBER)
            if row is not None:
                gone = await self._remove(change, actor, row)
        await self._changes.live.left(change.conversation_id, gone)

    async def require_may_return(self, change: Change, user_id: str) -> None:
        """Refuse to let a person in whom somebody removed, until an admin takes that person in: raises `Removed`."""
        if await self._repository.was_removed(change.session, change.conversation_id, user_id):
            raise Removed

    async def admit(self, change: Change, actor: Actor, people: Sequence[Person], role: Role) -> dict[str, int]:
        """Add people to a group within a change, but those who are members; raises `GroupFull`.

        Returns, by person, from which place on each may read: to be told `joined` when the change is done.
        """
        present = await self._repository.present(change.session, change.conversation_id, [each.id for each in people])
        new = {each.id: each.username for each in people if each.id not in present}
        if not new:
            return {}
        if change.head.member_count + len(new) > self._most_members:
            raise GroupFull
        first_seq = change.last_seq + 1
        data = [told(user_id, username, role) for user_id, username in new.items()]
        await change.append(LogEventType.MEMBER_JOINED, _by(actor), *data)
        return await self._repository.add(
            change.session, change.head, list(new.items()), role=role, first_seq=first_seq, at=change.at
        )

    @asynccontextmanager
    async def _group(self, actor: Actor, conversation_id: str) -> AsyncIterator[tuple[Change, Any]]:
        """Change a group that the actor is in; raises `NotMember` or `NotGroup`."""
        async with self._changes.change(parse_id(conversation_id)) as change:
            if change is None:
                raise NotMember
            own = await self._memberships.require(change.session, actor.user_id, change.conversation_id)
            require_role(own, MEMBER)
            yield change, own

    async def _set_role(self, change: Change, actor: Actor, own: Any, present: Any, role: Role) -> None:
        require_may_set(own, present.role, role, own=present.user_id == actor.user_id)
        if role == present.role:
            return
        if present.role == OWNER and not await self._has_other_owner(change, present.user_id):
            raise LastOwner
        await self._repository.set_role(change.session, change.conversation_id, present.user_id, role)
        data = told(present.user_id, present.username, role)
        await change.append(LogEventType.MEMBER_ROLE, _by(actor), data)

    async def _remove(self, change: Change, actor: Actor, row: Any) -> Sequence[str]:
        if row.role == OWNER and not await self._has_other_owner(change, row.user_id):
            if change.head.member_count > 1:
                raise LastOwner
            return await self._lifecycles.end(change, actor)
        removed = row.user_id != actor.user_id
        await self._repository.remove(change.session, change.conversation_id, row.user_id, change.at, removed=removed)
        await change.append(LogEventType.MEMBER_LEFT, _by(actor), told(row.user_id, row.username, row.role))
        return [row.user_id]

    async def _has_other_owner(self, change: Change, user_id: str) -> bool:
        return await self._repository.other_owners(change.session, change.conversation_id, user_id) > 0


def _by(actor: Actor) -> tuple[str, str]:
    return actor.user_id, actor.username
