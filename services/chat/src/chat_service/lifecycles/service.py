"""Use cases of a conversation's life: begin one, change what it is called, end it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from chat_service.conversations.domain import MEMBER, OWNER, direct_key, parse_id, require_role
from chat_service.conversations.errors import NotMember
from chat_service.conversations.models import ConversationRow
from chat_service.conversations.service import InboxService, MembershipService
from chat_service.files.domain import Attached, require_attached
from chat_service.files.service import FileService
from chat_service.lifecycles.domain import changed, face, require_others, updated
from chat_service.lifecycles.errors import too_many
from chat_service.lifecycles.repository import LifecycleRepository
from chat_service.lifecycles.schemas import ConversationPatch, GroupCreate
from chat_service.log.service import Change, ChangeService, LogService, now
from chat_service.people.service import PeopleService
from messenger_contracts.commands import Actor
from messenger_contracts.conversations import Conversation, LogEventType
from servicekit.etags import require_match
from servicekit.idempotency import Answer, Attempt
from servicekit.postgres import Database, Session
from servicekit.postgres_idempotency import PostgresIdempotency

AVATAR = "/avatar"
"""Where a request names a picture."""
Members = Sequence[tuple[str, str, str]]
"""Id, username and role of each."""


class BeginningService:
    """Begins conversations."""

    def __init__(
        self,
        database: Database,
        repository: LifecycleRepository,
        memberships: MembershipService,
        inboxes: InboxService,
        log: LogService,
        changes: ChangeService,
        files: FileService,
        *,
        most_members: int,
    ) -> None:
        self._database = database
        self._repository = repository
        self._memberships = memberships
        self._inboxes = inboxes
        self._log = log
        self._live = changes.live
        self._files = files
        self._keys = PostgresIdempotency()
        self._most_members = most_members

    async def direct(
        self, actor: Actor, member_ids: Sequence[str], people: PeopleService, attempt: Attempt
    ) -> Answer[Conversation]:
        """The direct conversation of two people; a second one is the first, with 200, also where it is closed.

        Raises `ClosedInbox` or `Blocking` where one blocks the other and there is none yet.
        """
        require_others(actor.user_id, member_ids)
        [peer] = await people.require_all(member_ids, "/member_ids")
        new = _new("direct", direct_key=direct_key(actor.user_id, peer.id))
        members = [(actor.user_id, actor.username, MEMBER), (peer.id, peer.username, MEMBER)]
        return await self._begin(actor, attempt, new, members)

    async def group(
        self, actor: Actor, wish: GroupCreate, people: PeopleService, attempt: Attempt
    ) -> Answer[Conversation]:
        """A new group, whose owner is the caller; raises `ClosedInbox` or `Blocking`, and says of whom.

        The picture must be a file that the caller may send: raises `ValidationFailed`, or `FilesUnavailable`. The same
        wish again is answered as before, whatever has become of the file.
        """
        require_others(actor.user_id, wish.member_ids)
        if len(wish.member_ids) >= self._most_members:
            raise too_many(self._most_members)
        found = await people.require_all(wish.member_ids, "/member_ids")
        attached = await self._files.attach(actor.user_id, [wish.avatar]) if wish.avatar else None
        by = wish.avatar and actor.user_id
        new = _new("group", title=wish.title, avatar=wish.avatar, avatar_by=by, history=wish.history)
        members = [(actor.user_id, actor.username, OWNER), *((each.id, each.username, MEMBER) for each in found)]
        return await self._begin(actor, attempt, new, members, attached)

    async def _begin(
        self,
        actor: Actor,
        attempt: Attempt,
        new: ConversationRow,
        members: Members,
        attached: Attached | None = None,
    ) -> Answer[Conversation]:
        async with self._database.write() as session:

            async def make() -> Answer[Conversation]:
                if new.avatar:
                    require_attached(attached, AVATAR)
                created = await self._create(session, actor, new, members)
                begun = new.id if created else await self._repository.by_key(session, str(new.direct_key))
                shown, _ = await self._memberships.conversation(session, actor.user_id, begun)
                return Answer(shown, 201 if created else 200)

            answer = await self._keys.once(session, attempt, Conversation, make)
        if answer.body.id == str(new.id):
            await self._live.joined(new.id, dict.fromkeys((user_id for user_id, _, _ in members), 1))
        await self._files.describe(actor.user_id, [answer.body.last_message])
        return answer

    async def _create(self, session: Session, actor: Actor, new: ConversationRow, members: Members) -> bool:
        named = [user_id for user_id, _, _ in members if user_id != actor.user_id]
        if new.direct_key:
            await self._inboxes.hold(session, new.direct_key)
        shown = [updated(face(new))] if new.avatar else []
        if not await self._repository.create(session, new, members, len(members) + len(shown)):
            return False
        await self._inboxes.require_open(session, actor.user_id, named, "/member_ids")
        joined = [{"user_id": user_id, "username": name, "role": role} for user_id, name, role in members]
        await self._log.begin(session, new.id, new.created_at, _by(actor), joined, shown)
        return True


class LifecycleService:
    """Changes and ends conversations, each time under the conversation's lock."""

    def __init__(
        self,
        database: Database,
        repository: LifecycleRepository,
        memberships: MembershipService,
        changes: ChangeService,
        files: FileService,
    ) -> None:
        self._database = database
        self._repository = repository
        self._memberships = memberships
        self._changes = changes
        self._files = files

    async def change(
        self, actor: Actor, conversation_id: str, wish: ConversationPatch, if_match: str | None
    ) -> tuple[Conversation, int]:
        """Change what is given of a group's title, avatar and history; returns it as it is then, and its version.

        Raises `NotMember`, `NotGroup`, `RoleRequired`, `PreconditionFailed`; `ValidationFailed` or `FilesUnavailable`
        of a new picture that the actor may not send. What is the same already is no change.
        """
        attached = await self._attached(actor, parse_id(conversation_id), wish.avatar)
        async with self._changes.change(parse_id(conversation_id)) as change:
            if change is None:
                raise NotMember
            member = await self._memberships.require(change.session, actor.user_id, change.conversation_id)
            require_role(member, "admin")
            require_match(if_match, change.head.version)
            present = face(change.head)
            wanted = changed(present, wish.model_dump(exclude_unset=True), actor.user_id)
            if wanted["avatar"] and wanted["avatar"] != present["avatar"]:
                require_attached(attached, AVATAR)
            if wanted != present:
                await self._repository.change(change.session, change.conversation_id, wanted)
                await change.append(LogEventType.CONVERSATION_UPDATED, _by(actor), updated(wanted))
        async with self._database.read() as session:
            shown, version = await self._memberships.conversation(session, actor.user_id, change.conversation_id)
        await self._files.describe(actor.user_id, [shown.last_message])
        return shown, version

    async def _attached(self, actor: Actor, conversation_id: UUID, avatar: str | None) -> Attached | None:
        """What media says of a picture, before anything is locked; it is not asked of one that is there already."""
        if avatar is None:
            return None
        async with self._database.read() as session:
            shown, _ = await self._memberships.conversation(session, actor.user_id, conversation_id)
        return None if shown.avatar == avatar else await self._files.attach(actor.user_id, [avatar])

    async def delete(self, actor: Actor, conversation_id: str) -> None:
        """End a group for everybody, if the actor owns it; or empty a direct conversation for the actor alone."""
        gone: Sequence[str] = ()
        async with self._changes.change(parse_id(conversation_id)) as change:
            if change is None:
                raise NotMember
            member = await self._memberships.require(change.session, actor.user_id, change.conversation_id)
            if member.kind == "direct":
                await self._clear(change, actor)
            else:
                require_role(member, OWNER)
                gone = await self.end(change, actor)
        if gone:
            await self._changes.live.left(change.conversation_id, gone)

    async def end(self, change: Change, actor: Actor) -> Sequence[str]:
        """End a group within a change; returns who was in it, to be told `left` when the change is done."""
        await change.append(LogEventType.CONVERSATION_UPDATED, _by(actor), updated(face(change.head), deleted=True))
        return await self._repository.end(change.session, change.conversation_id, change.at)

    async def _clear(self, change: Change, actor: Actor) -> None:
        """Let the conversation begin anew for one person, at an event that is this person's alone.

        So every device learns of it, at whatever position it stands.
        """
        data = updated(face(change.head), cleared=True)
        seq = await change.append(LogEventType.CONVERSATION_UPDATED, _by(actor), data, audience=actor.user_id)
        await self._repository.clear(
            change.session, change.conversation_id, actor.user_id, seq, change.head.last_msg_no
        )


def _by(actor: Actor) -> tuple[str, str]:
    return actor.user_id, actor.username


def _new(kind: str, **members: Any) -> ConversationRow:
    values = {"direct_key": None, "title": None, "avatar": None, "avatar_by": None, "history": "joined", **members}
    new_id: UUID = uuid7()
    return ConversationRow(id=new_id, kind=kind, epoch=uuid7().hex[-12:], created_at=now(), **values)
