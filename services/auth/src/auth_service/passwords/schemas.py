"""What the password routes take and give."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from auth_service.accounts.domain import fold
from auth_service.passwords.domain import LONGEST, SHORTEST, check_password
from messenger_contracts.shapes import Request, Shape


def _is_good_enough(password: SecretStr) -> SecretStr:
    if flaw := check_password(password.get_secret_value()):
        raise ValueError(flaw)
    return password


NewPassword = Annotated[
    SecretStr,
    Field(
        min_length=SHORTEST,
        max_length=LONGEST,
        description="Nothing common, and not the username or the address with a little around it",
    ),
    AfterValidator(_is_good_enough),
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)]
Flow = Annotated[str, Field(min_length=1, max_length=8192)]
Code = Annotated[str, Field(pattern="^[0-9]{6}$", description="The code that we mailed", examples=["123456"])]


class ForgotPassword(Request):
    """A wish for a code that allows a new password."""

    login: Annotated[
        str,
        AfterValidator(fold),
        Field(min_length=1, max_length=128, description="The username, or the verified e-mail address"),
    ]


class ForgottenPassword(Shape):
    """The answer to whoever asks, about whomever."""

    flow: str = Field(description="Proves this wish to password/reset, for an hour; it signs nobody in")


class ResetPassword(Request):
    """A new password in the place of a forgotten one."""

    flow: Flow
    code: Code
    new_password: NewPassword


class ChangePassword(Request):
    """A new password in the place of a known one."""

    old_password: Password
    new_password: NewPassword
