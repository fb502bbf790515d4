"""The life of a session, from the sign-in to the word of its end.

The row is the record: a session is over once its row says so, whatever Cognito and Valkey manage to do about it.
"""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from auth_service.accounts.service import AccountService
from auth_service.endings.service import Announcer
from auth_service.sessions.domain import Verdict, judge
from auth_service.sessions.errors import SessionOver
from auth_service.sessions.models import Session
from auth_service.sessions.repository import SessionRepository
from auth_service.sessions.schemas import TICKET_SECONDS, Me, Refreshed, SignedIn, SignIn, Ticket
from auth_service.user_pool.errors import NotVerified, Refused
from auth_service.user_pool.models import Grant
from auth_service.user_pool.repository import UserPool
from messenger_contracts.identity import Principal
from messenger_contracts.realtime import SessionEnded
from servicekit.errors import ServiceError
from servicekit.telemetry import record_failure
from servicekit.tokens import Tokens

DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class SessionKeys:
    """What seals a session: our refresh tokens, Cognito's beside the row, and tickets for sockets."""

    refresh: Tokens
    seals: Tokens
    tickets: Tokens


class SessionService:
    """Begins, keeps and ends sessions."""

    def __init__(
        self,
        *,
        pool: UserPool,
        accounts: AccountService,
        sessions: SessionRepository,
        announcer: Announcer,
        keys: SessionKeys,
        days: int,
    ) -> None:
        self._pool = pool
        self._accounts = accounts
        self._sessions = sessions
        self._announcer = announcer
        self._keys = keys
        self._seconds = days * DAY_SECONDS

    async def sign_in(self, wish: SignIn) -> SignedIn:
        """Begin a session; every refusal but that of a right password takes the same path and time."""
        password = wish.password.get_secret_value()
        try:
            grant = await self._pool.authenticate(wish.login, password)
        except (Refused, NotVerified) as refusal:
            waits = await self._accounts.waits_for_code(wish.login, password)
            raise (NotVerified if waits else Refused) from refusal
        user, session, _ = await asyncio.gather(
            self._accounts.profile(grant.username),
            self._begin(grant, wish.device_name),
            self._accounts.remember(grant.user_id, grant.username),
        )
        return SignedIn(
            user=user,
            access_token=grant.access_token,
            refresh_token=await self._refresh_token(session, session.generation),
            expires_in=grant.expires_in,
            session_id=session.session_id,
        )

    async def refresh(self, token: str) -> Refreshed:
        """Give the next tokens; see `domain` for which refresh tokens are good.

        Cognito is asked before the row moves: if it fails, the client's token is as good as before. Of several at once
        one moves the row; the others read it again and find themselves in the grace.
        """
        claims = await self._keys.refresh.read(token)
        presented: int = claims["generation"]
        grant: Grant | None = None
        while True:
            session = await self._live(claims["user_id"], claims["session_id"])
            now = int(time.time())
            verdict = judge(presented, session.generation, session.rotated_at, now)
            if verdict is Verdict.END:
                await self._end_one(session)
                raise SessionOver
            grant = grant or await self._renew(session)
            rotates = verdict is Verdict.ROTATE
            generation = presented + 1
            if await self._sessions.advance(
                session,
                generation=generation,
                rotated_at=now if rotates else session.rotated_at,
                access_expires_at=max(session.access_expires_at, grant.expires_at),
            ):
                return Refreshed(
                    access_token=grant.access_token,
                    refresh_token=await self._refresh_token(session, generation),
                    expires_in=grant.expires_in,
                    session_id=session.session_id,
                )

    async def sign_out(self, principal: Principal, *, everywhere: bool) -> None:
        """End the caller's session, or all of theirs; doing it again is harmless."""
        if everywhere:
            await self._end(await self._sessions.of_person(principal.user_id))
            await self._attempt(self._pool.revoke_all(principal.username))
            return
        session = await self._sessions.get(principal.user_id, principal.session_id)
        if session:
            await self._end_one(session)

    async def me(self, principal: Principal) -> Me:
        """Who asks; the session must be live, not just the token."""
        session, user = await asyncio.gather(
            self._live(principal.user_id, principal.session_id), self._accounts.profile(principal.username)
        )
        expires_at = datetime.fromtimestamp(session.access_expires_at, UTC)
        return Me(user=user, session_id=session.session_id, expires_at=expires_at)

    async def ticket(self, principal: Principal) -> Ticket:
        """A ticket that opens one socket; the gateway sees to it that it opens no second.

        The socket may live as long as the last access token of the session: the row knows when that expires, the
        caller's identity does not.
        """
        session = await self._live(principal.user_id, principal.session_id)
        claims = {
            "user_id": session.user_id,
            "username": session.username,
            "session_id": session.session_id,
            "jti": uuid4().hex,
            "access_expires_at": session.access_expires_at,
        }
        return Ticket(ticket=await self._keys.tickets.make(claims, TICKET_SECONDS))

    async def _begin(self, grant: Grant, device_name: str | None) -> Session:
        now = int(time.time())
        session = Session(
            user_id=grant.user_id,
            session_id=grant.session_id,
            username=grant.username,
            generation=1,
            rotated_at=now,
            sealed_token=await self._keys.seals.make({"token": grant.refresh_token}, self._seconds),
            access_expires_at=grant.expires_at,
            created_at=now,
            expires_at=now + self._seconds,
            device_name=device_name,
        )
        await self._sessions.add(session)
        return session

    async def _live(self, user_id: str, session_id: str) -> Session:
        session = await self._sessions.get(user_id, session_id)
        if session is None or not session.is_live(int(time.time())):
            raise SessionOver
        return session

    async def _renew(self, session: Session) -> Grant:
        """A new access token; a session whose refresh token Cognito refuses is over."""
        try:
            return await self._pool.refresh(session.username, await self._cognito_token(session))
        except Refused as error:
            await self._end_one(session)
            raise SessionOver from error

    async def _end_one(self, session: Session) -> None:
        for ended in await self._end([session]):
            await self._attempt(self._revoke(ended))

    async def _end(self, sessions: Sequence[Session]) -> list[Session]:
        """End sessions, the rows first, then the word to the gateways; gives those that had not ended before."""
        now = int(time.time())
        were = await asyncio.gather(*(self._sessions.end(session, now) for session in sessions))
        ended = [session for session in were if session]
        await self._announcer.announce(
            [SessionEnded(user_id=one.user_id, session_id=one.session_id, until=one.access_expires_at) for one in ended]
        )
        return ended

    async def _revoke(self, session: Session) -> None:
        await self._pool.revoke(await self._cognito_token(session))

    @staticmethod
    async def _attempt(revocation: Awaitable[None]) -> None:
        """Revoke at Cognito. Failing must not undo the end: the token it leaves was sealed and is erased."""
        try:
            await revocation
        except ServiceError as error:
            record_failure("revocation", error)

    async def _cognito_token(self, session: Session) -> str:
        return str((await self._keys.seals.read(str(session.sealed_token)))["token"])

    async def _refresh_token(self, session: Session, generation: int) -> str:
        claims = {"user_id": session.user_id, "session_id": session.session_id, "generation": generation}
        return await self._keys.refresh.make(claims, session.expires_at - time.time())
