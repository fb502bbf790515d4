"""What auth itself keeps of a person, for the archive. No secrets: neither proofs nor tokens nor codes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.devices.domain import software
from auth_service.sessions.ends import SessionEnds
from messenger_contracts.personal_data import PersonalRecord
from messenger_contracts.shapes import format_timestamp

PAGE = 200


class OwnRecords:
    """Reads what we have."""

    def __init__(self, accounts: AccountService, ends: SessionEnds, log: SecurityLog) -> None:
        self._accounts = accounts
        self._ends = ends
        self._log = log

    async def of(self, user_id: str) -> AsyncIterator[list[PersonalRecord]]:
        """The account, its sessions, and what happened to its security; raises `UnknownAccount`."""
        account = await self._accounts.account(user_id)
        data = {
            "id": account.user_id,
            "username": account.username,
            "display_name": account.display_name,
            "email": account.email,
            "created_at": format_timestamp(account.created_at),
        }
        yield [PersonalRecord(kind="account", data=data)]
        yield [
            PersonalRecord(
                kind="sessions",
                data={
                    "id": session.session_id,
                    "device_name": session.device_name,
                    "software": software(session.user_agent),
                    "address": session.address,
                    "created_at": _instant(session.created_at),
                    "last_seen_at": _instant(session.rotated_at),
                },
            )
            for session in await self._ends.open_ones(user_id)
        ]
        before: str | None = None
        while records := await self._log.of(user_id, before, PAGE):
            before = records[-1].place
            yield [
                PersonalRecord(kind="security_events", data={"type": each.type, "at": each.at, **each.data})
                for each in records
            ]


def _instant(seconds: int) -> str:
    return format_timestamp(datetime.fromtimestamp(seconds, UTC))
