"""What the session routes take and give."""

from typing import Annotated

from pydantic import AfterValidator, Field

from auth_service.passwords.schemas import Login, Password
from auth_service.sessions.models import Kind
from messenger_contracts.shapes import Request, Shape, Timestamp
from messenger_contracts.texts import one_line
from messenger_contracts.users import User

TICKET_SECONDS = 30

DeviceName = Annotated[str, Field(min_length=1, max_length=100, examples=["Ada's phone"]), AfterValidator(one_line)]
DeviceToken = Annotated[
    str | None,
    Field(
        max_length=8192,
        description="What the last sign-in or refresh on this device gave, so that it is known again; "
        "browsers keep it in a cookie",
    ),
]
GivenDeviceToken = Annotated[
    str | None, Field(description="Keep it on the device, past the session's end, and send it at the next sign-in")
]


class SignIn(Request):
    """A wish to sign in."""

    login: Login
    password: Password
    session: Kind = Field(
        "token", description="`cookie`: for browsers, which get a cookie that no script can read, and no tokens"
    )
    device_name: DeviceName | None = None
    device_token: DeviceToken = None


class SignedIn(Shape):
    """A new session. One that is held by a cookie has its tokens in none but the cookies of the answer."""

    user: User
    access_token: str | None = None
    refresh_token: str | None = Field(None, description="Good for one refresh, which gives the next")
    device_token: GivenDeviceToken = None
    expires_in: int = Field(description="Seconds until the access token expires, or the cookie is renewed")
    session_id: str


class Refresh(Request):
    """A wish to stay signed in."""

    refresh_token: str = Field(min_length=1, max_length=8192)
    device_token: DeviceToken = None


class Refreshed(Shape):
    """The tokens that follow."""

    access_token: str
    refresh_token: str = Field(description="Keep it in the place of the one that was sent")
    device_token: GivenDeviceToken = None
    expires_in: int = Field(description="Seconds until the access token expires")
    session_id: str


class SignOut(Request):
    """What to end."""

    everywhere: bool = Field(False, description="End the sessions on all devices")


class Me(Shape):
    """Who asks, what of it nobody else is told, and until when their access token is good at most."""

    user: User
    email: str = Field(description="The verified address", examples=["ada@example.com"])
    totp: bool = Field(description="Whether sign-ins by password ask for an authenticator's code")
    session_id: str
    session: Kind = Field(description="What holds the session that asks")
    expires_at: Timestamp


class SessionRead(Shape):
    """A sign-in on a device, as its person sees it."""

    id: str
    session: Kind
    device_name: str | None = Field(description="What the person called the device")
    software: str = Field(description="What it said it is", examples=["Firefox on Windows"])
    address: str = Field(description="From where it was last seen", examples=["203.0.113.7"])
    created_at: Timestamp
    last_seen_at: Timestamp = Field(description="When it last got access: while it is in use, a quarter of an hour ago")
    current: bool = Field(description="Whether it is the session that asks")


class Ticket(Shape):
    """Opens one socket."""

    ticket: str
    expires_in: int = Field(TICKET_SECONDS, description="Seconds")
