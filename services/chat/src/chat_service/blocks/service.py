"""Use cases of blocks: keep them as social-graph tells them, and tell gateways who blocks whom.

Sends and changes read `closed_by` under the conversation's lock, which a block takes too: what is acknowledged after a
block's commit was sent in spite of nothing. Groups are filtered by each read, from the blocks themselves.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from chat_service.blocks.domain import Block
from chat_service.blocks.repository import BlockRepository
from chat_service.conversations.service import InboxService
from chat_service.log.service import LiveService
from messenger_contracts.commands import Relations, RelationsAnswer, RelationsRequest
from messenger_contracts.envelope import Event
from messenger_contracts.events.social_graph import UserBlocked, UserUnblocked
from servicekit.inbox import Ledger
from servicekit.postgres import Database, Session
from servicekit.postgres_ledger import Effect


class RelationService:
    """Tells who blocks whom."""

    def __init__(self, session: Session, repository: BlockRepository) -> None:
        self._session = session
        self._repository = repository

    async def of(self, people: Iterable[str]) -> dict[str, Relations]:
        """The relations of each of some people."""
        return _by_person(await self._repository.relations(self._session, list(people)))

    async def changed(self, request: RelationsRequest) -> RelationsAnswer:
        """The relations of those of some people who had a change since a version; of 0, of all who have any."""
        version, rows = await self._repository.changed(self._session, request.user_ids, request.after)
        return RelationsAnswer(relations=_by_person(rows), version=version)


def _by_person(rows: Sequence[Any]) -> dict[str, Relations]:
    return {row.user_id: Relations(blocked=row.blocked, blocked_by=row.blocked_by) for row in rows}


class BlockService:
    """Follows social-graph."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger[Effect],
        repository: BlockRepository,
        inboxes: InboxService,
        live: LiveService,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._repository = repository
        self._inboxes = inboxes
        self._live = live
        self._telling = asyncio.Lock()

    async def changed(self, event: Event[UserBlocked] | Event[UserUnblocked]) -> None:
        """Let a block, or its end, take effect, and tell the sockets of both people.

        An event that came before is told again: the process that handled it may have died before it could tell.
        """
        block = Block.of(event.data)

        async def put(session: Session) -> None:
            await self._inboxes.hold(session, block.direct_key)
            await self._repository.lock(session, block)
            await self._repository.put(session, block)

        await self._ledger.once(event.id, put)
        await self._tell(block)

    async def _tell(self, block: Block) -> None:
        """Tell both how things are now; one after the other, so that the last word is the newest."""
        async with self._telling:
            async with self._database.read() as session:
                relations = await RelationService(session, self._repository).of(block.people)
            await self._live.relations(relations)
