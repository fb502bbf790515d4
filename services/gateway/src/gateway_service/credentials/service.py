"""Turns credentials into sessions."""

from typing import Any

from gateway_service.credentials.domain import EndedSessions, Session
from gateway_service.credentials.errors import SessionOver
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
    """Checks bearer tokens and tickets."""

    def __init__(
        self, verifier: AccessTokenVerifier, tickets: Tokens, valkey: Any, namespace: str, ended: EndedSessions
    ) -> None:
        self._verifier = verifier
        self._tickets = tickets
        self._valkey = valkey
        self._namespace = namespace
        self._ended = ended

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
