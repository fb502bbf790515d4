"""What a browser keeps in cookies: sealed by auth, opened by the gateway, read by nobody else.

Auth names a cookie plainly and says how long it is good; the gateway gives it the prefix and the attributes that
browsers ask for, and takes them off again on the way in.
"""

import hashlib

from pydantic import Field

from messenger_contracts.shapes import Request, Shape

SESSION_COOKIE, SESSION_PURPOSE = "session", "active_session"
SIGN_IN_COOKIE = "sign-in"
"""A sign-in that is on its way through a provider; auth alone opens it."""
PROOF_COOKIE = "proof"
"""An identity whose address is to be proved by a mailed code; auth alone opens it."""
DEVICE_COOKIE, DEVICE_PURPOSE = "device", "known_device"
DEVICE_SECONDS = 400 * 24 * 3600
"""What browsers grant a cookie at most (RFC 6265bis, 5.5)."""
_MARK = 22


class BrowserSession(Shape):
    """What the session cookie says."""

    user_id: str
    username: str
    session_id: str
    groups: tuple[str, ...] = ()
    generation: int = Field(description="How often the session was renewed: only the last cookie renews it again")
    renew_at: float = Field(description="From when on the gateway asks for the next; Unix seconds")
    access_expires_at: float = Field(description="Until when this one gives access; Unix seconds")


class KnownDevice(Shape):
    """What a device shows to be known again. It holds who signed in there; our own tables hold nothing of it."""

    id: str
    people: tuple[str, ...] = Field((), description="The ids of those who signed in there, the last first")
    logins: tuple[str, ...] = Field((), description="The marks of what they signed in with, the last first")


class Renewal(Request):
    """The gateway's wish for the next session cookie."""

    session: str
    device: str | None = None
    used: int = Field(0, description="The highest generation that any gateway has seen in use; 0: nobody knows")


class Renewed(Shape):
    """The cookies that follow."""

    session: str
    seconds: int = Field(description="How long the session may go on")
    device: str | None = Field(None, description="None where the device is not the person's")


def login_mark(login: str) -> str:
    """What stands for a login where the login itself shall not be kept."""
    return hashlib.sha256(login.strip().lower().encode()).hexdigest()[:_MARK]
