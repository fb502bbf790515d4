"""What the session routes take and give."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from auth_service.accounts.domain import fold
from messenger_contracts.shapes import Request, Shape, Timestamp
from messenger_contracts.users import User

TICKET_SECONDS = 30

Login = Annotated[
    str,
    AfterValidator(fold),
    Field(min_length=1, max_length=128, description="The username, or the verified e-mail address"),
]


class SignIn(Request):
    """A wish to sign in."""

    login: Login
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]
    session: Literal["token"] = "token"
    device_name: str | None = Field(None, min_length=1, max_length=100, examples=["Ada's phone"])


class SignedIn(Shape):
    """A new session."""

    user: User
    access_token: str
    refresh_token: str = Field(description="Good for one refresh, which gives the next")
    expires_in: int = Field(description="Seconds until the access token expires")
    session_id: str


class Refresh(Request):
    """A wish to stay signed in."""

    refresh_token: str = Field(min_length=1, max_length=8192)


class Refreshed(Shape):
    """The tokens that follow."""

    access_token: str
    refresh_token: str = Field(description="Keep it in the place of the one that was sent")
    expires_in: int = Field(description="Seconds until the access token expires")
    session_id: str


class SignOut(Request):
    """What to end."""

    everywhere: bool = Field(False, description="End the sessions on all devices")


class Me(Shape):
    """Who asks, and until when their access token is good at most."""

    user: User
    session_id: str
    expires_at: Timestamp


class Ticket(Shape):
    """Opens one socket."""

    ticket: str
    expires_in: int = Field(TICKET_SECONDS, description="Seconds")
