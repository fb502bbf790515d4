"""What the account routes take and give."""

from typing import Annotated

from pydantic import AfterValidator, Field

from auth_service.accounts.domain import check_email, check_username
from auth_service.challenges.schemas import MailedCode
from auth_service.passwords.schemas import NewPassword
from messenger_contracts.shapes import Request, Shape
from messenger_contracts.texts import one_line

Username = Annotated[
    str,
    AfterValidator(check_username),
    Field(
        description="3 to 30 of a-z and 0-9, single `_` and `.` between them; capitals count as small letters",
        examples=["ada.byron"],
    ),
]
Email = Annotated[str, AfterValidator(check_email), Field(examples=["ada@example.com"])]
DisplayName = Annotated[str, Field(min_length=1, max_length=64, examples=["Ada Byron"]), AfterValidator(one_line)]
Flow = Annotated[str, Field(min_length=1, max_length=4096, description="The token that sign-up gave")]


class SignUp(Request):
    """A new account."""

    email: Email
    username: Username
    password: NewPassword
    display_name: DisplayName | None = Field(None, description="The username where it is left out")


class SignedUp(Shape):
    """An account that waits for its code."""

    user_id: str
    flow: str = Field(description="Proves this sign-up to verify-email, for an hour; it signs nobody in")


class VerifyEmail(Request):
    """The code that came by mail."""

    flow: Flow
    code: MailedCode


class ResendCode(Request):
    """A wish for another code."""

    flow: Flow


class UsernameAvailability(Shape):
    """Whether one could sign up with a username now."""

    username: str
    available: bool


class Person(Shape):
    """A person, as other services are told of one."""

    id: str
    username: str
