"""Use cases of search: find messages, and keep their words."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chat_service.conversations.domain import parse_id
from chat_service.conversations.service import MembershipService
from chat_service.files.service import FileService
from chat_service.search.domain import may_go_on, to_found
from chat_service.search.repository import SearchRepository, WordRepository
from messenger_contracts.conversations import FoundMessage
from messenger_contracts.pagination import Page
from servicekit.cursors import Cursors
from servicekit.outbox import OutboxPosition
from servicekit.postgres import Session


class SearchService:
    """Finds messages for one reader at a time."""

    def __init__(
        self,
        session: Session,
        repository: SearchRepository,
        memberships: MembershipService,
        cursors: Cursors,
        files: FileService,
    ) -> None:
        self._session = session
        self._repository = repository
        self._memberships = memberships
        self._cursors = cursors
        self._files = files

    async def messages(
        self,
        reader: str,
        q: str,
        *,
        conversation_id: str | None,
        by: str | None,
        before: datetime | None,
        cursor: str | None,
        limit: int,
    ) -> Page[FoundMessage]:
        """Messages that the reader may read, newest first. Raises `NotMember` for a conversation of others."""
        conversation = parse_id(conversation_id) if conversation_id else None
        if conversation:
            await self._memberships.require(self._session, reader, conversation)
        after, scope = None, "\n".join([reader, q, str(conversation), str(by), str(before)])
        if cursor:
            at, last_conversation, last_seq = await self._cursors.read(scope, cursor)
            after = datetime.fromisoformat(at), UUID(last_conversation), last_seq
        rows = await self._repository.found(
            self._session,
            reader,
            (q, may_go_on(q)),
            conversation=conversation,
            by=by,
            before=before,
            after=after,
            limit=limit + 1,
        )
        items = [to_found(row) for row in rows[:limit]]
        await self._files.describe(reader, [each.message for each in items], self._session)
        if len(rows) <= limit:
            return Page(items=items)
        last = items[-1].message
        position = (last.created_at.isoformat(), last.conversation_id, last.seq)
        return Page(items=items, next=await self._cursors.make(scope, position))


class WordSource:
    """Keeps the words of messages, as a `Follower` asks: of each as it is now, so that any order of events is right."""

    def __init__(self, repository: WordRepository) -> None:
        self._repository = repository

    async def read(self, session: Session, after: OutboxPosition, limit: int) -> Sequence[Any]:
        """The next rows of the log."""
        return await self._repository.in_commit_order(session, after, limit)

    async def apply(self, session: Session, rows: Sequence[Any]) -> None:
        """Write the words of the messages that changed."""
        changed = [row for row in rows if row.changes_words]
        if changed:
            await self._repository.put(session, _messages(changed))
        if gone := [row for row in changed if row.takes_away]:
            await self._repository.remove(session, _messages(gone))


def _messages(rows: Iterable[Any]) -> list[tuple[UUID, int]]:
    return sorted({(row.conversation_id, row.message_seq) for row in rows})
