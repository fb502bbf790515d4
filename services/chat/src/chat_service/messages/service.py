"""Use cases of messages: read them, and change what was said."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from chat_service.conversations.domain import parse_id, require_open
from chat_service.conversations.errors import NotMember
from chat_service.conversations.service import ConversationService, MembershipService
from chat_service.files.service import FileService
from chat_service.log.domain import SYSTEM, MessageColumns, to_message
from chat_service.log.service import Change, ChangeService
from chat_service.messages.domain import (
    edited_at,
    parse_message_id,
    require_author,
    require_may_delete,
    require_mentionable,
    require_shown,
    to_edit,
    version_of,
)
from chat_service.messages.errors import MessageNotFound
from chat_service.messages.repository import MessageRepository
from messenger_contracts.commands import Actor, DeleteCommand, EditCommand
from messenger_contracts.conversations import LogEventType, Message, MessageEdit
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.etags import require_match
from servicekit.postgres import Session

NEWEST = 2**62


class MessageFinder:
    """Finds the message that a request is about, as the person who asks may see it."""

    def __init__(self, memberships: MembershipService, repository: MessageRepository) -> None:
        self._memberships = memberships
        self._repository = repository

    async def any(self, session: Session, reader: str, conversation_id: UUID, message_id: str) -> tuple[Any, Any]:
        """The reader's membership, and the message: it may be `hidden`, or a tombstone.

        Raises `NotMember` or `MessageNotFound`.
        """
        member = await self._memberships.require(session, reader, conversation_id)
        message = await self._repository.find(session, reader, conversation_id, parse_message_id(message_id))
        if message is None:
            raise MessageNotFound
        return member, message

    async def shown(self, session: Session, reader: str, conversation_id: UUID, message_id: str) -> tuple[Any, Any]:
        """The reader's membership, and the message, if there is one for the reader to see."""
        member, message = await self.any(session, reader, conversation_id, message_id)
        require_shown(message)
        return member, message


class MessageService:
    """Reads messages for one reader at a time."""

    def __init__(
        self,
        session: Session,
        repository: MessageRepository,
        finder: MessageFinder,
        conversations: ConversationService,
        cursors: Cursors,
        files: FileService,
    ) -> None:
        self._session = session
        self._repository = repository
        self._finder = finder
        self._conversations = conversations
        self._cursors = cursors
        self._files = files

    async def one(self, reader: str, conversation_id: str, message_id: str) -> tuple[Message, str]:
        """A message of a conversation that the reader is in, and its version."""
        _, row = await self._finder.any(self._session, reader, parse_id(conversation_id), message_id)
        if row.hidden:
            raise MessageNotFound
        return (await self._shown(reader, [row]))[0], version_of(row)

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
        ascends = after_seq is not None
        messages = await self._shown(reader, rows)
        return await self._cursors.page(
            scope, messages, limit, lambda last: (None, last.seq) if ascends else (last.seq, None)
        )

    async def thread(
        self, reader: str, conversation_id: str, message_id: str, cursor: str | None, limit: int
    ) -> Page[Message]:
        """The messages of the thread that begins at a message, oldest first; it outlives the message itself."""
        conversation = parse_id(conversation_id)
        _, root = await self._finder.any(self._session, reader, conversation, message_id)
        if root.hidden:
            raise MessageNotFound
        scope = f"{reader}:{root.message_id}:thread"
        after = await self._cursors.read(scope, cursor) if cursor else 0
        rows = await self._repository.thread(self._session, reader, conversation, root.message_id, after, limit + 1)
        messages = await self._shown(reader, rows)
        return await self._cursors.page(scope, messages, limit, lambda last: last.seq)

    async def versions(
        self, reader: str, conversation_id: str, message_id: str, cursor: str | None, limit: int
    ) -> Page[MessageEdit]:
        """What a message said before each of its edits, oldest first."""
        conversation = parse_id(conversation_id)
        _, message = await self._finder.shown(self._session, reader, conversation, message_id)
        scope = f"{reader}:{message.message_id}:edits"
        after = await self._cursors.read(scope, cursor) if cursor else 0
        rows = await self._repository.versions(self._session, conversation, message.message_seq, after, limit + 1)
        return await self._cursors.page(scope, [to_edit(row) for row in rows], limit, lambda last: last.version)

    async def _shown(self, reader: str, rows: Sequence[Any]) -> list[Message]:
        """The messages of rows, with their files. Nothing is read from the database any more."""
        messages = [to_message(cast("MessageColumns", row)) for row in rows]
        await self._files.describe(reader, messages, self._session)
        return messages


@dataclass(frozen=True, slots=True)
class MessageChange:
    """A change about a message under way, as `MessageFinder.any` found it after the conversation was locked."""

    change: Change
    member: Any
    message: Any

    @property
    def conversation_id(self) -> UUID:
        """The conversation that is locked."""
        return self.change.conversation_id

    def require_shown(self) -> None:
        """Refuse unless the message is there for the actor to see: raises `MessageNotFound`."""
        require_shown(self.message)

    def require_open(self, actor: Actor) -> None:
        """Refuse what adds something, where a block stands between two people too: raises `Blocking`, `ClosedInbox`."""
        require_shown(self.message)
        require_open(self.member.closed_by, actor.user_id)

    async def append(
        self,
        event_type: LogEventType,
        actor: Actor,
        data: dict[str, Any] | None = None,
        audience: str | None = None,
    ) -> int:
        """Append an event about the message, and return its place."""
        by, target = (actor.user_id, actor.username), self.message.message_seq
        return await self.change.append(event_type, by, data, target_seq=target, audience=audience)


class MessageChanges:
    """Opens changes that are about one message."""

    def __init__(self, changes: ChangeService, finder: MessageFinder) -> None:
        self._changes = changes
        self._finder = finder

    @asynccontextmanager
    async def about(self, actor: Actor, conversation_id: str, message_id: str) -> AsyncIterator[MessageChange]:
        """Lock the conversation, and find the message as the actor may see it.

        It may be `hidden`, or a tombstone. Raises `NotMember` or `MessageNotFound`.
        """
        conversation = parse_id(conversation_id)
        async with self._changes.change(conversation) as change:
            if change is None:
                raise NotMember
            member, message = await self._finder.any(change.session, actor.user_id, conversation, message_id)
            yield MessageChange(change, member, message)


@dataclass(frozen=True, slots=True)
class Edited:
    """A message after an edit, its version, and the place of the event; none when nothing changed."""

    message: Message
    version: str
    seq: int | None


class MessageCommands:
    """Edits and deletes messages."""

    def __init__(
        self, changes: ChangeService, about: MessageChanges, repository: MessageRepository, files: FileService
    ) -> None:
        self._changes = changes
        self._about = about
        self._repository = repository
        self._files = files

    async def edit(self, command: EditCommand, if_match: str | None = None) -> Edited:
        """Let a message say something else, unless it says so already. Raises `NotAuthor`, `PreconditionFailed`."""
        actor = command.actor
        async with self._about.about(actor, command.conversation_id, command.message_id) as about:
            about.require_open(actor)
            require_author(about.message, actor.user_id)
            require_match(if_match, version_of(about.message))
            seq = await self._edit(about, command)
            row = await self._repository.find(
                about.change.session, actor.user_id, about.conversation_id, about.message.message_id
            )
        message = to_message(cast("MessageColumns", row))
        await self._files.describe(actor.user_id, [message])
        return Edited(message, version_of(row), seq)

    async def _edit(self, about: MessageChange, command: EditCommand) -> int | None:
        session, message, body = about.change.session, about.message, command.body
        before = message.mentions or []
        mentions = before if body.mentions is None else list(dict.fromkeys(body.mentions))
        if (body.text, mentions) == (message.text, before):
            return None
        members = await self._repository.members_of(session, about.conversation_id, mentions)
        require_mentionable(mentions, before, members)
        at = edited_at(about.change.at, message.edited_at or message.created_at)
        await self._repository.edit(session, about.conversation_id, message.message_seq, at, body.text, mentions)
        return await about.append(LogEventType.MESSAGE_EDITED, command.actor)

    async def delete(self, command: DeleteCommand, if_match: str | None = None) -> int | None:
        """Delete a message, for everybody or for the actor alone; returns the place of the event, if there is one now.

        Raises `MayNotDelete`, `PreconditionFailed`.
        """
        async with self._about.about(command.actor, command.conversation_id, command.message_id) as about:
            if not command.everywhere:
                return await self._hide(about, command.actor)
            require_may_delete(about.message, about.member, command.actor.user_id)
            if about.message.deleted_at:
                return None
            require_match(if_match, version_of(about.message))
            await self._bury(about.change, [about.message.message_seq])
            return await about.append(LogEventType.MESSAGE_DELETED, command.actor)

    async def _hide(self, about: MessageChange, actor: Actor) -> int | None:
        session, seq = about.change.session, about.message.message_seq
        if not await self._repository.hide(session, actor.user_id, about.conversation_id, seq):
            return None
        return await about.append(LogEventType.MESSAGE_DELETED, actor, audience=actor.user_id)

    async def end(self, conversation_id: UUID, seqs: Sequence[int], reason: str) -> int:
        """Delete messages for everybody in the system's name, for a `reason`; returns how many were there."""
        async with self._changes.change(conversation_id) as change:
            return await self.end_in(change, seqs, reason) if change else 0

    async def end_in(self, change: Change, seqs: Sequence[int], reason: str) -> int:
        """As `end`, in a change that is under way."""
        ended = await self._bury(change, seqs)
        for seq in ended:
            await change.append(LogEventType.MESSAGE_DELETED, (SYSTEM, SYSTEM), {"reason": reason}, target_seq=seq)
        return len(ended)

    async def _bury(self, change: Change, seqs: Sequence[int]) -> list[int]:
        return await self._repository.bury(change.session, change.conversation_id, seqs, change.at)
