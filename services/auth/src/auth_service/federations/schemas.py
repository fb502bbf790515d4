"""What the proof of an address takes and gives. The other routes take a browser's parameters, and redirect it."""

from typing import Annotated

from pydantic import Field

from messenger_contracts.shapes import Request, Shape


class AddressProof(Request):
    """The code that came by mail; what it is for is in the browser's cookie."""

    code: Annotated[str, Field(pattern="^[0-9]{6}$", description="The code that we mailed", examples=["123456"])]


class Proved(Shape):
    """The address is proved."""

    continue_url: str = Field(description="Where the browser goes next: round by the provider once more, to a session")
