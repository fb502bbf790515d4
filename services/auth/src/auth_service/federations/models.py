"""A sign-in on its way through a provider, and what came of it."""

from dataclasses import dataclass

from auth_service.sessions.service import Begun


@dataclass(frozen=True)
class Departure:
    """Where to send the browser, and what it keeps in a cookie until it is back."""

    url: str
    flow: str


@dataclass(frozen=True)
class Arrival:
    """Where to send the browser that is back, and the session that it has now, if it has one."""

    url: str
    begun: Begun | None = None
    proof: str | None = None
    """What the browser keeps until its person has entered the code that proves their address."""


@dataclass(frozen=True)
class Callback:
    """What Cognito sends the browser back with: a code, or the reason why there is none."""

    state: str = ""
    code: str = ""
    error: str = ""


@dataclass(frozen=True)
class HostedUi:
    """Cognito's pages, and what they know us by."""

    url: str
    client_id: str
    callback_url: str
    logout_url: str
