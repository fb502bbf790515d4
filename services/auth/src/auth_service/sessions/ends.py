"""The ends of sessions: the rows first, then the word to the gateways, then Cognito.

Whoever changes what an account is proved by ends its sessions here, and says why. Where all end, a cutoff comes before
the rows: a sign-in under way, by what was right when it was asked for, has its row either before the rows are read, and
it ends with them, or not at all. So call it when the change is done. It takes clocks that agree to within the time that
Cognito takes to answer, for `asked_at` is noted before the question, and the cutoff after the change.
"""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import Any

from auth_service.audits.service import SecurityLog
from auth_service.endings.service import Announcer
from auth_service.sessions.models import Session
from auth_service.sessions.repository import SessionRepository
from auth_service.user_pool.models import Grant
from auth_service.user_pool.repository import UserPool, present
from messenger_contracts.events import auth as events
from messenger_contracts.identity import Principal
from messenger_contracts.realtime import SessionEnded
from servicekit.errors import DependencyUnavailable, ServiceError
from servicekit.telemetry import record_failure
from servicekit.tokens import Tokens


class SessionEnds:
    """Ends sessions. `seals` opens Cognito's refresh tokens, which lie sealed in the rows."""

    def __init__(
        self, *, pool: UserPool, sessions: SessionRepository, announcer: Announcer, seals: Tokens, log: SecurityLog
    ) -> None:
        self._pool = pool
        self._log = log
        self._sessions = sessions
        self._announcer = announcer
        self._seals = seals

    async def end(self, session: Session, reason: events.SessionEnd = "signed_out") -> None:
        """End a session; again is harmless."""
        await self._end_and_revoke([session], reason)

    async def end_all(self, user_id: str, username: str, reason: events.SessionEnd = "signed_out") -> None:
        """End all sessions of a person."""
        await self._sessions.cut_off(user_id, present())
        while sessions := await self._sessions.of_person(user_id):
            await self._end(sessions, reason)
        await self._attempt(self._pool.revoke_all(username))

    async def end_others(self, principal: Principal, reason: events.SessionEnd = "password_changed") -> None:
        """End all sessions of the caller but the one that asks."""
        await self._sessions.cut_off(principal.user_id, present())
        while others := await self._sessions.of_person(principal.user_id, but=principal.session_id):
            await self._end_and_revoke(others, reason)

    async def discard(self, grant: Grant) -> None:
        """Void what Cognito gave for a session that did not begin."""
        await self._attempt(self._pool.revoke(str(grant.refresh_token)))

    async def open_ones(self, user_id: str) -> list[Session]:
        """The sessions of a person that could end; of very many, some."""
        return await self._sessions.of_person(user_id)

    async def erase(self, user_id: str) -> None:
        """Delete the rows of a person whose sessions have ended; raises `DependencyUnavailable` while a gateway may not
        know of one."""
        if not await self._sessions.erase(user_id):
            raise DependencyUnavailable

    async def cognito_token(self, session: Session) -> str:
        """Cognito's refresh token of a session that has not ended."""
        return str((await self._seals.read(str(session.sealed_token)))["token"])

    async def _end_and_revoke(self, sessions: Sequence[Session], reason: events.SessionEnd) -> None:
        for ended in await self._end(sessions, reason):
            await self._attempt(self._revoke(ended))

    async def _end(self, sessions: Sequence[Session], reason: events.SessionEnd) -> list[Session]:
        """End sessions, the rows first, then the word to the gateways; gives those that had not ended before."""
        now = int(time.time())
        were = await asyncio.gather(
            *(self._sessions.end(session, now, self._told(session, reason)) for session in sessions)
        )
        ended = [session for session in were if session]
        await self._announcer.announce(
            [SessionEnded(user_id=one.user_id, session_id=one.session_id, until=one.access_expires_at) for one in ended]
        )
        return ended

    def _told(self, session: Session, reason: events.SessionEnd) -> list[dict[str, Any]]:
        about = {"user_id": session.user_id, "session_id": session.session_id}
        told = self._log.items(events.SessionEnded(**about, reason=reason))
        return told + self._log.items(events.RefreshTokenReplayed(**about)) if reason == "replayed" else told

    async def _revoke(self, session: Session) -> None:
        await self._pool.revoke(await self.cognito_token(session))

    @staticmethod
    async def _attempt(revocation: Awaitable[None]) -> None:
        """Revoke at Cognito. Failing must not undo the end: the token it leaves was sealed and is erased."""
        try:
            await revocation
        except ServiceError as error:
            record_failure("revocation", error)
