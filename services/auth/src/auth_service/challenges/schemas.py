"""What a challenge gives and takes, and the codes that people type in anywhere."""

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from messenger_contracts.shapes import Request, Shape


def _typed(code: Any) -> Any:
    """A code without the spaces that it is shown and pasted with, its digits as ASCII has them."""
    return "".join(unicodedata.normalize("NFKC", code).split()) if isinstance(code, str) else code


Digits = Annotated[str, Field(pattern="^[0-9]{6}$", examples=["123456"]), BeforeValidator(_typed)]
MailedCode = Annotated[Digits, Field(description="The code that we mailed")]
Code = Annotated[
    str,
    Field(
        pattern="^([0-9]{6}|[A-Za-z2-7]{4}([- ]?[A-Za-z2-7]{4}){3})$",
        description="The six digits that the authenticator shows, or a recovery code",
        examples=["123456", "abcd-efgh-ijkl-mnop"],
    ),
    BeforeValidator(_typed),
]


class Challenged(Shape):
    """The password was right, and a code is due."""

    challenge: Literal["totp"] = "totp"
    flow: str = Field(description="Proves the password to sign-in/totp, for five minutes; it signs nobody in")


class SignInTotp(Request):
    """The second half of a sign-in."""

    flow: str = Field(min_length=1, max_length=8192)
    code: Code
    device_token: str | None = Field(None, max_length=8192, description="As at sign-in")
