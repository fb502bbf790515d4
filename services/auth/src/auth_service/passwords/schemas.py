"""What the password routes take and give."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from auth_service.accounts.domain import LONGEST_LOGIN, fold
from auth_service.challenges.schemas import MailedCode
from auth_service.passwords.domain import LENGTH, LONGEST, SHORTEST, check_password, normal
from messenger_contracts.shapes import Request, Shape


def _normal(password: Any) -> Any:
    return normal(password) if isinstance(password, str) else password


def _folded(login: Any) -> Any:
    return fold(login) if isinstance(login, str) else login


def _is_good_enough(password: SecretStr) -> SecretStr:
    chosen = password.get_secret_value()
    if flaw := check_password(chosen) if SHORTEST <= len(chosen) <= LONGEST else LENGTH:
        raise ValueError(flaw)
    return password


NewPassword = Annotated[
    SecretStr,
    Field(
        json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST},
        description="Nothing common, and not the username or the address with a little around it",
    ),
    BeforeValidator(_normal),
    AfterValidator(_is_good_enough),
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST), BeforeValidator(_normal)]
Login = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_LOGIN, description="The username, or the verified e-mail address"),
    BeforeValidator(_folded),
]
Flow = Annotated[str, Field(min_length=1, max_length=8192)]


class ForgotPassword(Request):
    """A wish for a code that allows a new password."""

    login: Login


class ForgottenPassword(Shape):
    """The answer to whoever asks, about whomever."""

    flow: str = Field(description="Proves this wish to password/reset, for an hour; it signs nobody in")


class ResetPassword(Request):
    """A new password in the place of a forgotten one."""

    flow: Flow
    code: MailedCode
    new_password: NewPassword


class ChangePassword(Request):
    """A new password in the place of a known one."""

    old_password: Password
    new_password: NewPassword
