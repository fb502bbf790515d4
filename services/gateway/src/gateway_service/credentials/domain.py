"""A session at the edge, and the sessions that have ended."""

import time
from dataclasses import dataclass

from messenger_contracts.identity import Principal
from messenger_contracts.realtime import SessionEnded


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks, and until when the credential is good (Unix seconds)."""

    principal: Principal
    expires_at: float
    cookies: tuple[str, ...] = ()
    """`Set-Cookie`s for the browser that the session is in."""


class EndedSessions:
    """The sessions whose tokens would still verify although they have ended."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, session_id: str, until: float) -> None:
        """Remember a session until its last token has expired."""
        self._until[session_id] = until

    def replace(self, until: dict[str, float]) -> None:
        """Take over what Valkey holds, which is all that any gateway was told."""
        self._until |= until
        now = time.time()
        self._until = {session: end for session, end in self._until.items() if end > now}

    def note(self, ended: SessionEnded) -> None:
        """Remember an announcement."""
        if ended.session_id:
            self.add(ended.session_id, ended.until)

    def __contains__(self, session_id: str) -> bool:
        return self._until.get(session_id, 0.0) > time.time()
