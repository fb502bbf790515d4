"""The security log: an event goes into the table and into the outbox in the transaction of what it tells of.

transaction.items += log.items(PasswordChanged(user_id=…))   beside a change
await log.write(SignInFailed(login=log.pseudonym(login), …))  where nothing else changes

What a person is to hear of is marked in that same write; `notices` sees to the mail.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from auth_service.audits.domain import NEWS, OF_THE_ERASURE, kept_for
from auth_service.audits.models import AuditRecord
from auth_service.audits.repository import AuditRepository
from auth_service.notices.models import DUE
from messenger_contracts.envelope import Event, schema_uri
from messenger_contracts.events.auth import SecurityEvent, login_pseudonym
from messenger_contracts.shapes import format_timestamp
from servicekit.dynamodb_outbox import DynamoOutbox
from servicekit.telemetry import current_traceparent

SOURCE = "auth"
_PSEUDONYM_BYTES = 16


class SecurityLog:
    """Writes security events down, once, for us and for other services."""

    def __init__(self, audits: AuditRepository, outbox: DynamoOutbox, pepper: bytes) -> None:
        self._audits = audits
        self._outbox = outbox
        self._pepper = pepper

    def items(self, data: SecurityEvent, *, quietly: bool = False) -> list[dict[str, Any]]:
        """The two items of `TransactWriteItems` that log an event; quietly, if its person need not be written to."""
        event = self._event(data)
        record = _record(event, f"{format_timestamp(event.time)}#{event.id}")
        if event.type in NEWS and not quietly:
            record = replace(record, unnoticed=DUE)
        return [self._audits.put(record), self._outbox.put(event)]

    async def write_once(self, data: SecurityEvent, name: str) -> None:
        """Log an event that is known by a name, unless it was logged by that name before."""
        event = self._event(data)
        await self._audits.commit_once([self._audits.put_once(_record(event, name)), self._outbox.put(event)])

    def _event(self, data: SecurityEvent) -> Event[Any]:
        return Event(
            id=str(uuid4()),
            source=SOURCE,
            type=data.TYPE,
            time=datetime.now(UTC),
            subject=data.concerns,
            dataschema=schema_uri(data.TYPE),
            traceparent=current_traceparent(),
            data=data,
        )

    async def write(self, data: SecurityEvent, *, quietly: bool = False) -> None:
        """Log an event that goes with no change."""
        await self._audits.commit(self.items(data, quietly=quietly))

    def pseudonym(self, login: str) -> str:
        """What stands for a login that somebody tried: the same for the same login, and no way back."""
        return login_pseudonym(self._pepper, login)

    async def of(self, subject: str, before: str | None, limit: int) -> list[AuditRecord]:
        """What happened to a person, or at a login, newest first."""
        return await self._audits.newest(subject, before, limit)

    async def erase(self, user_id: str, logins: Sequence[str]) -> None:
        """Forget what happened to a person, and at their logins by their pseudonyms, but the erasure itself."""
        for subject in (user_id, *logins):
            await self._audits.erase(subject, OF_THE_ERASURE)


def _record(event: Event[Any], place: str) -> AuditRecord:
    data: SecurityEvent = event.data
    return AuditRecord(
        subject=event.subject,
        place=place,
        type=event.type,
        at=format_timestamp(event.time),
        data=data.model_dump(mode="json", exclude_none=True),
        expires_at=int((event.time + kept_for(data)).timestamp()),
    )
