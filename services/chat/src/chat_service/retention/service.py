"""The end of messages, in steps that any number of workers may take side by side.

First a message whose time is over becomes a tombstone, as if somebody had deleted it; whoever reads sees it as one
from that moment on, even before. Later the content of every tombstone goes for good. The id under which it was sent
stays, so that sending it again is recognised for ever.

A group that ended goes the same way: once it is as old, its messages become tombstones, and what else was said in it is
removed. Its row, its members and its log's places stay: they tell clients who come back late that they have left.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chat_service.log.service import now
from chat_service.messages.service import MessageCommands
from chat_service.retention.repository import RetentionRepository
from servicekit.inbox import LEDGER_DAYS
from servicekit.postgres import Database

EXPIRED = "expired"


class Expiry:
    """Makes tombstones of the messages whose time is over."""

    def __init__(
        self, database: Database, repository: RetentionRepository, messages: MessageCommands, *, batch: int = 200
    ) -> None:
        self._database = database
        self._repository = repository
        self._messages = messages
        self._batch = batch

    async def step(self) -> bool:
        """End a batch of messages, each conversation's in one transaction; returns whether there may be more."""
        async with self._database.read() as session:
            over = await self._repository.over(session, self._batch)
        for row in over:
            if row.abandoned:
                async with self._database.write() as session:
                    await self._repository.bury(session, row.conversation_id, row.seqs)
            else:
                await self._messages.end(row.conversation_id, row.seqs, EXPIRED)
        return sum(len(row.seqs) for row in over) == self._batch


@dataclass(frozen=True, slots=True)
class Ages:
    """How long it takes until something is removed: content after its deletion, a report's after the decision."""

    content: timedelta
    reports: timedelta


class Retention:
    """Removes what was deleted long enough ago, and what is of no more use."""

    def __init__(self, database: Database, repository: RetentionRepository, ages: Ages, *, batch: int = 500) -> None:
        self._database = database
        self._repository = repository
        self._ages = ages
        self._batch = batch

    async def step(self) -> bool:
        """Remove a batch of each; returns whether there may be more of any."""
        at = now()
        more = await self._empty_group(at - self._ages.content)
        async with self._database.write() as session:
            counts = [await self._repository.purge(session, at - self._ages.content, self._batch)]
        async with self._database.write() as session:
            counts.append(await self._repository.purge_reports(session, at - self._ages.reports, self._batch))
        for what, age in (("scheduled", self._ages.content), ("ledger", timedelta(days=LEDGER_DAYS))):
            async with self._database.write() as session:
                counts.append(await self._repository.forget(session, what, at - age, self._batch))
        return more or self._batch in counts

    async def _empty_group(self, before: datetime) -> bool:
        """Bury a batch of a group's messages, and with the last of them the rest of it; returns whether there was one.

        The purge takes the content of the tombstones, which are as old as the end of the group.
        """
        async with self._database.write() as session:
            group = await self._repository.ended(session, before)
            if group is not None and await self._repository.bury_next(session, group, self._batch) < self._batch:
                await self._repository.empty(session, group)
        return group is not None
