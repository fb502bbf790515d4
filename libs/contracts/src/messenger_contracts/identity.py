"""Who asks. The gateway signs a principal, and every service verifies it."""

from typing import Literal

from pydantic import Field

from messenger_contracts.shapes import Shape

IDENTITY_HEADER = "x-messenger-identity"
"""The header that carries the signed principal (PASETO v4.public) between our processes."""
MODERATORS = "moderators"
"""The group of the user pool whose members look into reports."""


class Principal(Shape):
    """The caller: a person in a session, somebody not signed in, or a service acting for many people."""

    kind: Literal["user", "anonymous", "service"] = "user"
    user_id: str = Field(description="Cognito `sub`; the service's name for a service; empty when anonymous")
    username: str = ""
    session_id: str = ""
    groups: tuple[str, ...] = Field((), description="The groups of the user pool that the person is in: `MODERATORS`")
    relationship_version: int = Field(0, description="Grows when the person's blocks or follows change")


def anonymous() -> Principal:
    """The caller of a route that needs no sign-in."""
    return Principal(kind="anonymous", user_id="")


def service(name: str) -> Principal:
    """One of our own services, speaking for itself."""
    return Principal(kind="service", user_id=name)
