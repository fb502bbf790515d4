"""What seals a session: the tokens that programs keep, the cookies that browsers do, and what lies beside the row."""

import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from auth_service.sessions.domain import RENEWED_AFTER
from auth_service.sessions.models import Session
from auth_service.user_pool.models import Grant
from messenger_contracts.browsers import BrowserSession
from servicekit.cursors import Cursors
from servicekit.tokens import Tokens


@dataclass(frozen=True)
class SessionKeys:
    """One kind of token each; none opens as another."""

    refresh: Tokens
    browsers: Tokens
    seals: Tokens
    """For Cognito's refresh token, which never leaves us."""
    tickets: Tokens
    cursors: Cursors

    async def refresh_token(self, session: Session, generation: int) -> str:
        """The token by which a program moves the session on."""
        claims = {"user_id": session.user_id, "session_id": session.session_id, "generation": generation}
        return await self.refresh.make(claims, _left(session))

    async def cookie(self, session: Session, grant: Grant, generation: int) -> str:
        """What a browser proves the session with; it takes the place of access token and refresh token."""
        claims = BrowserSession(
            user_id=session.user_id,
            username=session.username,
            session_id=session.session_id,
            groups=grant.groups,
            generation=generation,
            renew_at=time.time() + grant.expires_in * RENEWED_AFTER,
            access_expires_at=grant.expires_at,
        )
        return await self.browsers.make(claims.model_dump(), _left(session))

    async def ticket(self, session: Session, seconds: int) -> str:
        """What opens one socket; the gateway sees to it that it opens no second.

        The socket may live as long as the last access token of the session: the row knows when that expires, the
        caller's identity does not.
        """
        claims: dict[str, Any] = {
            "user_id": session.user_id,
            "username": session.username,
            "session_id": session.session_id,
            "jti": uuid4().hex,
            "access_expires_at": session.access_expires_at,
        }
        return await self.tickets.make(claims, seconds)


def _left(session: Session) -> float:
    return session.expires_at - time.time()
