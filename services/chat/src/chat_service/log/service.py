"""Use cases of the log: what a reader missed, and what the relay has to publish."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from chat_service.log.domain import LogColumns, to_log_event, to_published
from chat_service.log.repository import LogRepository
from messenger_contracts.conversations import LogEvent, LogEventType
from servicekit.outbox import OutboxPosition, OutboxRecord
from servicekit.postgres import Connection, Session


class LogService:
    """Reads and appends. Who may read what is decided by the caller, which scopes its conversations to a principal."""

    def __init__(self, repository: LogRepository) -> None:
        self._repository = repository

    async def append(
        self,
        session: Session,
        conversation_id: UUID,
        first_seq: int,
        event_type: LogEventType,
        at: datetime,
        by: tuple[str, str],
        data: Sequence[Mapping[str, Any]],
    ) -> None:
        """Append events of one type, from `first_seq` on, in the caller's transaction and under its lock."""
        await self._repository.append(session, conversation_id, first_seq, event_type, at, by, data)

    async def after(self, session: Session, positions: Mapping[UUID, int], limit: int) -> list[LogEvent]:
        """The events behind each position, by conversation and `seq`, at most `limit` of each conversation."""
        rows = await self._repository.stretches(session, positions, limit)
        return [to_log_event(cast("LogColumns", row)) for row in rows]


class LogSource:
    """The log as the relay reads it."""

    def __init__(self, repository: LogRepository) -> None:
        self._repository = repository

    async def read(self, connection: Connection, after: OutboxPosition, limit: int) -> Sequence[OutboxRecord]:
        """The next events in the order of commits."""
        rows = await self._repository.in_commit_order(connection, after, limit)
        return [
            OutboxRecord(OutboxPosition(row.xid, row.position), to_published(cast("LogColumns", row))) for row in rows
        ]
