"""Use cases of arrivals: files become ready, or are rejected, after the messages that carry them were sent; their
owners delete them, and bring them back.

The log tells of it as of link previews: the message is edited by nobody. A send notes in its transaction what it waits
for, and the consumer what settled; whichever of the two is committed last, the next step finds both. Of a file that is
deleted or restored the consumer notes both.

An edit says of a file what is so when it is read, not what an event said. So events may come twice and in any order:
what is older than what was heard is dropped, and of two at once one edit tells.
"""

from uuid import UUID

from chat_service.arrivals.repository import ArrivalRepository
from chat_service.log.domain import SYSTEM
from chat_service.log.service import ChangeService
from messenger_contracts.conversations import LogEventType
from messenger_contracts.envelope import Event
from messenger_contracts.events.media import MediaDeleted, MediaReady, MediaRejected, MediaRestored
from servicekit.postgres import Database

KEPT_HOURS = 24
"""Far longer than a send takes from asking media to its commit."""
AWAITED_DAYS = 2
"""Longer than an upload may take; what has not come by then never will."""
BATCH = 50


class ArrivalService:
    """Lets readers of messages know what has become of their files."""

    def __init__(self, database: Database, changes: ChangeService, repository: ArrivalRepository) -> None:
        self._database = database
        self._changes = changes
        self._repository = repository

    async def settled(self, event: Event[MediaReady] | Event[MediaRejected]) -> None:
        """Note that a file is what it will be. Twice is harmless."""
        async with self._database.write() as session:
            await self._repository.settle(session, UUID(event.data.media_id), event.data.version)

    async def deleted(self, event: Event[MediaDeleted]) -> None:
        """Have it told that a file is out of sight; not when its owner is forgotten, whose messages go themselves."""
        if not event.data.erased:
            await self._changed(event.data)

    async def restored(self, event: Event[MediaRestored]) -> None:
        """Have it told that a file is there again."""
        await self._changed(event.data)

    async def _changed(self, data: MediaDeleted | MediaRestored) -> None:
        media_id = UUID(data.media_id)
        async with self._database.write() as session:
            if await self._repository.settle(session, media_id, data.version):
                await self._repository.await_again(session, media_id)

    async def step(self) -> bool:
        """Tell of what has arrived; returns whether there may be more."""
        async with self._database.read() as session:
            conversations = await self._repository.arrived(session, BATCH)
        for conversation in conversations:
            await self._tell(conversation)
        return len(conversations) == BATCH

    async def _tell(self, conversation_id: UUID) -> None:
        async with self._changes.change(conversation_id) as change:
            if change is not None:
                for seq in await self._repository.take(change.session, conversation_id):
                    await change.append(LogEventType.MESSAGE_EDITED, (SYSTEM, SYSTEM), None, target_seq=seq, quiet=True)
                return
        async with self._database.write() as session:
            await self._repository.take(session, conversation_id)

    async def purge(self) -> bool:
        """Forget what nobody will ask for any more."""
        async with self._database.write() as session:
            await self._repository.forget(session, hours=KEPT_HOURS, days=AWAITED_DAYS)
        return False
