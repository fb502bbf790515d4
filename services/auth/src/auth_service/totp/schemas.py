"""What the routes of authenticators take and give."""

from typing import Annotated

from pydantic import Field

from auth_service.challenges.schemas import Code, Digits
from auth_service.passwords.schemas import Password
from messenger_contracts.shapes import Request, Shape


class TotpSetUp(Request):
    """A wish for an authenticator, or for another in its place."""

    password: Password
    code: Code | None = Field(None, description="Needed where the account has an authenticator already")


class TotpSecret(Shape):
    """What an authenticator takes up. Nothing changes until its first code is verified."""

    secret: str = Field(description="Base32, to be typed in")
    uri: str = Field(description="The same as `otpauth://`, to be shown as a QR code")
    flow: str = Field(description="Proves this wish to totp/verify, for ten minutes")


class TotpVerify(Request):
    """The first code of an authenticator."""

    flow: Annotated[str, Field(min_length=1, max_length=8192)]
    code: Digits


class RecoveryCodes(Shape):
    """What stands in for a lost authenticator, each once. They are shown this one time."""

    recovery_codes: list[str]


class TotpTakeOff(Request):
    """Proof by both factors that the authenticator may go."""

    password: Password
    code: Code
