"""How a session goes on: programs ask with a refresh token, and gateways with a browser's cookie."""

import time

from auth_service.devices.domain import MOST_AGENT
from auth_service.devices.service import DeviceService
from auth_service.sessions.domain import Verdict, judge
from auth_service.sessions.ends import SessionEnds
from auth_service.sessions.errors import SessionOver
from auth_service.sessions.keys import SessionKeys
from auth_service.sessions.models import Client, Session
from auth_service.sessions.repository import SessionRepository
from auth_service.sessions.schemas import Refresh, Refreshed
from auth_service.user_pool.errors import Refused
from auth_service.user_pool.models import Grant
from auth_service.user_pool.repository import UserPool
from messenger_contracts.browsers import BrowserSession, Renewal, Renewed
from messenger_contracts.identity import Principal


class SessionRenewals:
    """Moves sessions on."""

    def __init__(
        self,
        *,
        pool: UserPool,
        sessions: SessionRepository,
        ends: SessionEnds,
        devices: DeviceService,
        keys: SessionKeys,
    ) -> None:
        self._pool = pool
        self._sessions = sessions
        self._ends = ends
        self._devices = devices
        self._keys = keys

    async def refresh(self, wish: Refresh, client: Client) -> Refreshed:
        """Give a program its next tokens."""
        claims = await self._keys.refresh.read(wish.refresh_token)
        presented: int = claims["generation"]
        session, grant = await self._renew(claims["user_id"], claims["session_id"], presented, client)
        return Refreshed(
            access_token=grant.access_token,
            refresh_token=await self._keys.refresh_token(session, presented + 1),
            device_token=await self._devices.seal_again(wish.device_token, session.user_id),
            expires_in=grant.expires_in,
            session_id=session.session_id,
        )

    async def renew(self, wish: Renewal, client: Client) -> Renewed:
        """Give a browser its next cookies."""
        shown = BrowserSession.model_validate(await self._keys.browsers.read(wish.session))
        session, grant = await self._renew(shown.user_id, shown.session_id, shown.generation, client, used=wish.used)
        return Renewed(
            session=await self._keys.cookie(session, grant, shown.generation + 1),
            device=await self._devices.seal_again(wish.device, session.user_id),
            seconds=max(session.expires_at - int(time.time()), 0),
        )

    async def _renew(
        self, user_id: str, session_id: str, presented: int, client: Client, *, used: int | None = None
    ) -> tuple[Session, Grant]:
        """Move a session on, or repeat how it was moved; see `domain` for what renews it.

        Cognito is asked before the row moves: if it fails, what the client holds is as good as before. Of several at
        once one moves the row; the others read it again and find themselves in the grace.
        """
        grant: Grant | None = None
        while True:
            session = await self._sessions.get(user_id, session_id)
            now = int(time.time())
            if session is None or not session.is_live(now):
                raise SessionOver
            arrived = used is None or used >= session.generation
            verdict = judge(presented, session.generation, session.rotated_at, now, arrived=arrived)
            if verdict is Verdict.END:
                await self._ends.end(session, "replayed")
                raise SessionOver
            grant = grant or await self._granted(session)
            if await self._sessions.advance(
                session,
                generation=presented + 1,
                rotated_at=now if verdict is Verdict.ROTATE else session.rotated_at,
                access_expires_at=max(session.access_expires_at, grant.expires_at),
                address=client.address or session.address,
                user_agent=client.agent[:MOST_AGENT] or session.user_agent,
            ):
                return session, grant

    async def access_token(self, principal: Principal) -> str:
        """An access token of the caller's session, for what Cognito lets only the person do. It never leaves us."""
        session = await self._sessions.get(principal.user_id, principal.session_id)
        if session is None or not session.is_live(int(time.time())):
            raise SessionOver
        return (await self._granted(session)).access_token

    async def _granted(self, session: Session) -> Grant:
        """A new access token; a session whose refresh token Cognito refuses is over."""
        try:
            return await self._pool.refresh(session.username, await self._ends.cognito_token(session))
        except Refused as error:
            await self._ends.end(session, "refused")
            raise SessionOver from error
