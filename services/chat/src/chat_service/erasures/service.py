"""How chat forgets a person.

Decision. What a person wrote becomes tombstones without content, each told by an event, so that clients and other
services that have the text let go of it too; logs stay dense, and replies keep what they hang on. In direct
conversations a nameless seat is left, and nobody can write there any more. Groups are left; one that the person owned
alone goes to the member of the highest rank who came first, and one without other members ends. Of the person stays
the id, under tombstones and events: it leads nowhere once auth has forgotten whose it was, and without it a message
that is sent again could not be recognised.

Every step is a transaction of its own that finds what is left to do, and to take it again is harmless: who dies in the
middle is asked again, and goes on there.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chat_service.erasures.domain import DELETED_NAME, ERASED
from chat_service.erasures.repository import ErasureRepository
from chat_service.lifecycles.domain import face, updated
from chat_service.log.domain import SYSTEM
from chat_service.log.service import Change, ChangeService
from chat_service.messages.service import MessageCommands
from messenger_contracts.conversations import LogEventType
from messenger_contracts.personal_data import Remains
from servicekit.postgres import Database, Session

BATCH = 200


class RemainsService:
    """Tells what is left of a person."""

    def __init__(self, session: Session, repository: ErasureRepository) -> None:
        self._session = session
        self._repository = repository

    async def of(self, user_id: str) -> Remains:
        """What is left, counted afresh. A conversation's lock saw to it that nothing came after its part was done."""
        return Remains(left=await self._repository.left(self._session, user_id))


class ErasureService:
    """Forgets people."""

    def __init__(
        self,
        database: Database,
        repository: ErasureRepository,
        changes: ChangeService,
        messages: MessageCommands,
        *,
        batch: int = BATCH,
    ) -> None:
        self._database = database
        self._repository = repository
        self._changes = changes
        self._messages = messages
        self._batch = batch

    async def erase(self, user_id: str) -> None:
        """Forget a person: first what would still act in their name, then conversation by conversation."""
        async with self._database.write() as session:
            await self._repository.own(session, user_id)
        async with self._database.read() as session:
            places = await self._repository.places(session, user_id)
        for place in places:
            await self._erase_in(user_id, place.conversation_id, abandoned=place.abandoned)

    async def _erase_in(self, user_id: str, conversation_id: UUID, *, abandoned: bool) -> None:
        if abandoned:
            while await self._empty_abandoned(user_id, conversation_id):
                continue
            return
        while await self._empty(user_id, conversation_id):
            continue
        gone: Sequence[str] = ()
        async with self._changes.change(conversation_id) as change:
            if change:
                gone = await self._leave(change, user_id)
        await self._changes.live.left(conversation_id, gone)

    async def _empty(self, user_id: str, conversation_id: UUID) -> bool:
        """Take away some of what a person wrote in a conversation; returns whether there was any."""
        async with self._changes.change(conversation_id) as change:
            if change is None:
                return False
            seqs = await self._repository.messages(change.session, user_id, conversation_id, self._batch)
            await self._messages.end_in(change, seqs, ERASED)
            await self._repository.purge(change.session, conversation_id, seqs)
            taken = await self._repository.take_reactions(change.session, user_id, conversation_id, self._batch)
            for each in taken:
                data = {"emoji": each.emoji}
                by = (user_id, DELETED_NAME)
                await change.append(LogEventType.REACTION_REMOVED, by, data, target_seq=each.seq)
        return bool(seqs or taken)

    async def _empty_abandoned(self, user_id: str, conversation_id: UUID) -> bool:
        """As `_empty`, in a conversation that is no more: nobody is to be told."""
        async with self._database.write() as session:
            seqs = await self._repository.messages(session, user_id, conversation_id, self._batch)
            await self._repository.purge(session, conversation_id, seqs)
            taken = await self._repository.take_reactions(session, user_id, conversation_id, self._batch)
            if not seqs and not taken:
                await self._repository.unname(session, user_id, conversation_id)
                await self._repository.forget_member(session, user_id, conversation_id, counted=False)
        return bool(seqs or taken)

    async def _leave(self, change: Change, user_id: str) -> Sequence[str]:
        """Let a person be gone from a conversation, name and all; returns whose sockets are to follow it no more."""
        session, conversation_id = change.session, change.conversation_id
        member = await self._repository.member(session, user_id, conversation_id)
        if member is None:
            return ()
        if change.head.kind == "direct":
            await self._repository.empty_seat(session, user_id, conversation_id)
            await self._repository.unname(session, user_id, conversation_id)
            return [user_id]
        await self._take_picture(change, user_id)
        if member.present:
            await self._hand_over(change, user_id, member)
            data = _told(user_id, DELETED_NAME, member.role)
            await change.append(LogEventType.MEMBER_LEFT, (user_id, DELETED_NAME), data)
        await self._repository.unname(session, user_id, conversation_id)
        await self._repository.forget_member(session, user_id, conversation_id, counted=member.present)
        if member.present and change.head.member_count <= 1:
            ended = updated(_faceless(change, user_id), deleted=True)
            await change.append(LogEventType.CONVERSATION_UPDATED, (user_id, DELETED_NAME), ended)
            await self._repository.end(session, conversation_id)
        return [user_id]

    async def _take_picture(self, change: Change, user_id: str) -> None:
        """Let a group be without the picture that a person gave it: the file goes with its owner."""
        if change.head.avatar_by == user_id:
            await self._repository.take_picture(change.session, change.conversation_id)
            data = updated(_faceless(change, user_id))
            await change.append(LogEventType.CONVERSATION_UPDATED, (SYSTEM, SYSTEM), data)

    async def _hand_over(self, change: Change, user_id: str, member: Any) -> None:
        """Give a group that would be without an owner to somebody."""
        session, conversation_id = change.session, change.conversation_id
        if member.role != "owner" or await self._repository.has_other_owner(session, user_id, conversation_id):
            return
        heir = await self._repository.heir(session, user_id, conversation_id)
        if heir:
            await self._repository.promote(session, heir.user_id, conversation_id)
            data = _told(heir.user_id, heir.username, "owner")
            await change.append(LogEventType.MEMBER_ROLE, (SYSTEM, SYSTEM), data)


def _faceless(change: Change, user_id: str) -> dict[str, Any]:
    """How a group looks without what a person gave it."""
    shown = face(change.head)
    return {**shown, "avatar": None, "avatar_by": None} if shown["avatar_by"] == user_id else shown


def _told(user_id: str, username: str, role: str) -> dict[str, str]:
    return {"user_id": user_id, "username": username, "role": role}
