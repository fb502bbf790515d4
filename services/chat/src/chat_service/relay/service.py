"""The log as the relay reads it."""

from collections.abc import Sequence
from typing import cast

from chat_service.relay.domain import PublishedColumns, to_published
from chat_service.relay.repository import RelayRepository
from servicekit.outbox import OutboxPosition, OutboxRecord
from servicekit.postgres import Connection


class LogSource:
    """Reads what has to be published."""

    def __init__(self, repository: RelayRepository) -> None:
        self._repository = repository

    async def read(self, connection: Connection, after: OutboxPosition, limit: int) -> Sequence[OutboxRecord]:
        """The next events in the order of commits."""
        rows = await self._repository.in_commit_order(connection, after, limit)
        return [
            OutboxRecord(OutboxPosition(row.xid, row.position), to_published(cast("PublishedColumns", row)))
            for row in rows
        ]
