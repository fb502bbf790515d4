"""Turns credentials into sessions."""

from collections.abc import Mapping
from typing import Any

from gateway_service.credentials.browsers import BrowserSessions, without_cookie
from gateway_service.credentials.cookies import cookie
from gateway_service.credentials.domain import EndedSessions, Session
from gateway_service.credentials.errors import SessionOver
from gateway_service.credentials.origins import SAFE_METHODS, Origins
from messenger_contracts.browsers import SESSION_COOKIE
from messenger_contracts.identity import Principal
from messenger_contracts.realtime import SessionEnded, revoked_sessions_key
from servicekit.cognito import AccessTokenVerifier
from servicekit.errors import DependencyUnavailable, Unauthenticated
from servicekit.telemetry import record_failure
from servicekit.tokens import Tokens
from servicekit.valkey import UNAVAILABLE

TICKET_PURPOSE = "realtime_ticket"
TICKET_SECONDS = 30
BEARER = "bearer "


class CredentialService:
    """Checks bearer tokens, browsers' cookies and tickets."""

    def __init__(
        self,
        *,
        verifier: AccessTokenVerifier,
        browsers: BrowserSessions,
        origins: Origins,
        tickets: Tokens,
        valkey: Any,
        namespace: str,
        ended: EndedSessions,
    ) -> None:
        self._verifier = verifier
        self._browsers = browsers
        self._origins = origins
        self._tickets = tickets
        self._valkey = valkey
        self._namespace = namespace
        self._ended = ended

    async def of_request(self, method: str, headers: Mapping[str, str], address: str) -> Session:
        """The session of a request: by its `Authorization`, else by its cookie.

        A cookie speaks for unsafe methods of our own pages alone: raises `ForeignOrigin`; else as `bearer` does.
        """
        if not holds_cookie(headers):
            return await self.bearer(headers.get("authorization"))
        if method not in SAFE_METHODS:
            self._origins.check(headers)
        return await self._browser(headers, address)

    async def of_handshake(self, headers: Mapping[str, str], address: str) -> Session:
        """The session of a socket's handshake. A cookie needs our own page here too, although it is a GET."""
        if holds_cookie(headers):
            self._origins.check(headers)
        return await self.of_request("GET", headers, address)

    def check_page(self, method: str, headers: Mapping[str, str]) -> None:
        """Refuse other sites' pages on routes that give a browser its session; programs say no origin and may."""
        if method not in SAFE_METHODS:
            self._origins.check(headers, silent=True)

    async def _browser(self, headers: Mapping[str, str], address: str) -> Session:
        session = await self._browsers.open(headers, address)
        if session is None:
            raise Unauthenticated
        try:
            return self._alive(session)
        except SessionOver as error:
            raise without_cookie(error) from None

    async def bearer(self, authorization: str | None) -> Session:
        """The session of an `Authorization` header; raises `Unauthenticated`, `TokenExpired` or `SessionOver`."""
        if not authorization or not authorization.lower().startswith(BEARER):
            raise Unauthenticated
        token = await self._verifier.verify(authorization[len(BEARER) :].strip())
        principal = Principal(
            user_id=token.user_id, username=token.username, session_id=token.session_id, groups=token.groups
        )
        return self._alive(Session(principal, token.expires_at))

    async def ticket(self, ticket: str) -> Session:
        """The session of a realtime ticket, which is good once.

        Whether it was used is known to Valkey alone: without it no ticket is taken (`DependencyUnavailable`).
        """
        claims = await self._tickets.read(ticket)
        key = f"{self._namespace}:ticket:{claims['jti']}"
        try:
            first = await self._valkey.set(key, 1, nx=True, ex=TICKET_SECONDS * 2)
        except UNAVAILABLE as error:
            record_failure("credentials", error)
            raise DependencyUnavailable("Tickets cannot be checked at the moment.") from error
        if not first:
            raise Unauthenticated("The ticket has been used.")
        principal = Principal(user_id=claims["user_id"], username=claims["username"], session_id=claims["session_id"])
        return self._alive(Session(principal, claims["access_expires_at"]))

    def _alive(self, session: Session) -> Session:
        if session.principal.session_id in self._ended:
            raise SessionOver
        return session

    def note_ended(self, ended: SessionEnded) -> None:
        """Take note of a session's end."""
        self._ended.note(ended)

    async def load_ended(self) -> None:
        """Read the sessions that ended while nobody listened."""
        entries = await self._valkey.zrange(revoked_sessions_key(self._namespace), 0, -1, withscores=True)
        self._ended.replace({session.decode(): until for session, until in entries})


def holds_cookie(headers: Mapping[str, str]) -> bool:
    """Whether the session cookie is what a request is to be believed by."""
    return "authorization" not in headers and cookie(headers.get("cookie"), SESSION_COOKIE) is not None
