"""Sessions as their people meet them: how one begins, and what one may see of them. How one goes on: `renewals`.

The row is the record: a session is over once its row says so, whatever Cognito and Valkey manage to do about it.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from auth_service.accounts.service import AccountService, profile_of
from auth_service.audits.service import SecurityLog
from auth_service.challenges.schemas import Challenged, SignInTotp
from auth_service.challenges.service import ChallengeService, method_of
from auth_service.devices.domain import MOST_AGENT, software, with_person
from auth_service.devices.service import DeviceService
from auth_service.lockouts.domain import PASSWORD, network_of
from auth_service.lockouts.service import LockoutService
from auth_service.notices.models import DUE
from auth_service.sessions.ends import SessionEnds
from auth_service.sessions.errors import NotRecent, Overtaken, SessionOver
from auth_service.sessions.keys import SessionKeys
from auth_service.sessions.models import Client, Opening, Session
from auth_service.sessions.repository import SessionRepository
from auth_service.sessions.schemas import TICKET_SECONDS, Me, SessionRead, SignedIn, SignIn, Ticket
from auth_service.user_pool.errors import NotVerified, Refused
from auth_service.user_pool.models import Challenge, Grant
from auth_service.user_pool.repository import UserPool
from messenger_contracts.browsers import DEVICE_COOKIE, DEVICE_SECONDS, SESSION_COOKIE
from messenger_contracts.events import auth as events
from messenger_contracts.identity import Principal
from messenger_contracts.pagination import Page
from servicekit.errors import NotFound

DAY_SECONDS = 24 * 3600
FIRST_DAY = timedelta(days=1)
"""Whoever signs in for the first time within it has just signed up, and need not be told."""


@dataclass(frozen=True)
class Begun:
    """A session that has begun: the answer, and the cookies beside it, each with the seconds that it is good for."""

    answer: SignedIn
    cookies: Mapping[str, tuple[str, int]]


class SessionService:
    """Begins, keeps and ends sessions."""

    def __init__(
        self,
        *,
        pool: UserPool,
        accounts: AccountService,
        sessions: SessionRepository,
        ends: SessionEnds,
        devices: DeviceService,
        lockouts: LockoutService,
        challenges: ChallengeService,
        keys: SessionKeys,
        log: SecurityLog,
        days: int,
    ) -> None:
        self._log = log
        self._pool = pool
        self._accounts = accounts
        self._sessions = sessions
        self.ends = ends
        self._devices = devices
        self._lockouts = lockouts
        self._challenges = challenges
        self._keys = keys
        self._seconds = days * DAY_SECONDS

    async def sign_in(self, wish: SignIn, client: Client) -> Begun | Challenged:
        """Begin a session, or ask for the authenticator's code first.

        Every refusal but that of a right password takes the same path and time, whoever is asked for.
        """
        password = wish.password.get_secret_value()
        async with self._lockouts.attempt(PASSWORD, wish.login, network_of(client.address)):
            try:
                found = await self._pool.authenticate(wish.login, password)
            except (Refused, NotVerified) as refusal:
                waits = await self._accounts.waits_for_code(wish.login, password)
                await self._log.write(
                    events.SignInFailed(
                        login=self._log.pseudonym(wish.login),
                        method="password",
                        network=network_of(client.address) or None,
                    )
                )
                raise (NotVerified if waits else Refused) from refusal
        if isinstance(found, Challenge):
            kept = {"kind": wish.session, "login": wish.login, "device_name": wish.device_name}
            return await self._challenges.pose(found, kept)
        return await self.begin(found, opening_of(wish, client))

    async def sign_in_totp(self, wish: SignInTotp, client: Client) -> Begun:
        """Begin the session that `sign_in` asked a code for."""
        grant, kept = await self._challenges.meet(wish.flow, wish.code, network_of(client.address))
        device = client.device if kept["kind"] == "cookie" else wish.device_token
        return await self.begin(grant, Opening(client=replace(client, device=device), **kept), method_of(wish.code))

    async def begin(self, grant: Grant, opening: Opening, method: events.SignInMethod = "password") -> Begun:
        """Begin the session of a person who has proved who they are; raises `Overtaken` if all of theirs ended since.

        The person is remembered in the same transaction, so that nobody is who was erased meanwhile.
        """
        device, user, had_sessions = await asyncio.gather(
            self._devices.open(opening.client.device),
            self._accounts.profile(grant.username),
            self._sessions.has_any(grant.user_id),
        )
        is_first = not had_sessions and datetime.now(UTC) - user.created_at < FIRST_DAY
        is_new = grant.user_id not in device.people
        started = events.SessionStarted(
            user_id=grant.user_id,
            session_id=grant.session_id,
            method=method,
            new_device=is_new,
            network=network_of(opening.client.address) or None,
        )
        told = [self._accounts.remembered(grant.user_id, grant.username), *self._log.items(started)]
        session = await self._add(grant, opening, told, notice=is_new and not is_first)
        known, _ = await asyncio.gather(
            self._devices.seal(with_person(device, grant.user_id, filter(None, (grant.username, opening.login)))),
            self._accounts.keep_name(grant.username),  # not before: an erasure may have given the name up
        )
        in_cookie = opening.kind == "cookie"
        answer = SignedIn(
            user=user,
            access_token=None if in_cookie else grant.access_token,
            refresh_token=None if in_cookie else await self._keys.refresh_token(session, session.generation),
            device_token=None if in_cookie else known,
            expires_in=grant.expires_in,
            session_id=session.session_id,
        )
        if not in_cookie:
            return Begun(answer, {})
        cookie = await self._keys.cookie(session, grant, session.generation)
        return Begun(answer, {SESSION_COOKIE: (cookie, self._seconds), DEVICE_COOKIE: (known, DEVICE_SECONDS)})

    async def sign_out(self, principal: Principal, *, everywhere: bool) -> None:
        """End the caller's session, or all of theirs; doing it again is harmless."""
        if everywhere:
            await self.ends.end_all(principal.user_id, principal.username)
        elif session := await self._sessions.get(principal.user_id, principal.session_id):
            await self.ends.end(session)

    async def revoke(self, principal: Principal, session_id: str) -> None:
        """End one of the caller's sessions; raises `NotFound` for what is none of theirs. Again is harmless."""
        session = await self._sessions.get(principal.user_id, session_id)
        if session is None:
            raise NotFound
        await self.ends.end(session, "revoked")

    async def page(self, principal: Principal, cursor: str | None, limit: int) -> Page[SessionRead]:
        """The caller's sessions, the last seen first."""
        now = int(time.time())
        live = [session for session in await self._sessions.of_person(principal.user_id) if session.is_live(now)]
        live.sort(key=_place)
        after = await self._keys.cursors.read(principal.user_id, cursor) if cursor else None
        rest = [session for session in live if after is None or _place(session) > tuple(after)]
        page = await self._keys.cursors.page(principal.user_id, rest, limit, _place)
        return Page(items=[_read(session, principal.session_id) for session in page.items], next=page.next)

    async def me(self, principal: Principal) -> Me:
        """Who asks; the session must be live, not just the token."""
        session, account = await asyncio.gather(
            self._live(principal.user_id, principal.session_id), self._accounts.account(principal.username)
        )
        return Me(
            user=profile_of(account),
            email=account.email,
            totp=account.has_totp,
            session_id=session.session_id,
            session=session.kind,
            expires_at=_instant(session.access_expires_at),
        )

    async def require_recent(self, principal: Principal, seconds: int) -> None:
        """Refuse who has not signed in within some seconds, or not any more: raises `NotRecent` or `SessionOver`."""
        session = await self._live(principal.user_id, principal.session_id)
        if time.time() - session.created_at > seconds:
            raise NotRecent

    async def ticket(self, principal: Principal) -> Ticket:
        """A ticket that opens one socket."""
        session = await self._live(principal.user_id, principal.session_id)
        return Ticket(ticket=await self._keys.ticket(session, TICKET_SECONDS))

    async def _add(self, grant: Grant, opening: Opening, told: Sequence[dict[str, Any]], *, notice: bool) -> Session:
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
            device_name=opening.device_name,
            kind=opening.kind,
            address=opening.client.address,
            user_agent=opening.client.agent[:MOST_AGENT],
            unnoticed=DUE if notice else None,
        )
        if not await self._sessions.add(session, grant.asked_at, told):
            await self.ends.discard(grant)
            raise Overtaken
        return session

    async def _live(self, user_id: str, session_id: str) -> Session:
        session = await self._sessions.get(user_id, session_id)
        if session is None or not session.is_live(int(time.time())):
            raise SessionOver
        return session


def opening_of(wish: SignIn, client: Client) -> Opening:
    """How the session shall begin that a person asks for."""
    device = client.device if wish.session == "cookie" else wish.device_token
    return Opening(wish.session, replace(client, device=device), wish.login, wish.device_name)


def _place(session: Session) -> tuple[int, str]:
    return -session.rotated_at, session.session_id


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _read(session: Session, current: str) -> SessionRead:
    return SessionRead(
        id=session.session_id,
        session=session.kind,
        device_name=session.device_name,
        software=software(session.user_agent),
        address=session.address,
        created_at=_instant(session.created_at),
        last_seen_at=_instant(session.rotated_at),
        current=session.session_id == current,
    )
