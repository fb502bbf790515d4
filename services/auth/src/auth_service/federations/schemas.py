"""What the proof of an address takes and gives. The other routes take a browser's parameters, and redirect it."""

from pydantic import Field

from auth_service.challenges.schemas import MailedCode
from messenger_contracts.shapes import Request, Shape


class AddressProof(Request):
    """The code that came by mail; what it is for is in the browser's cookie."""

    code: MailedCode


class Proved(Shape):
    """The address is proved."""

    continue_url: str = Field(description="Where the browser goes next: round by the provider once more, to a session")
