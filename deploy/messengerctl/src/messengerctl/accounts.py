"""New people, signed up as anybody would: name, mail, code, session."""

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from messengerctl.client import Client, Tokens
from messengerctl.people import Person

ReadCode = Callable[[str], Awaitable[str]]
"""Gives the code that was mailed to an address."""


@dataclass
class Wishes:
    """What somebody wants to be called; what is empty is made up."""

    username: str = ""
    email: str = ""
    password: str = ""

    def __post_init__(self) -> None:
        """Make up what is missing."""
        self.username = self.username or f"guest_{secrets.token_hex(4)}"
        self.email = self.email or f"{self.username}@example.com"
        self.password = self.password or secrets.token_urlsafe(12)


async def sign_up(gateway: str, wishes: Wishes, read_code: ReadCode) -> Person:
    """Sign up, verify the e-mail address, and sign in."""
    async with Client(gateway) as client:
        signed_up = await client.sign_up(wishes.email, wishes.username, wishes.password)
        await client.verify_email(signed_up.flow, await read_code(wishes.email))
        signed_in = await client.sign_in(wishes.username, wishes.password)
    return Person(
        gateway=gateway,
        user_id=signed_in.user.id,
        username=signed_in.user.username,
        email=wishes.email,
        password=wishes.password,
        access_token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
        expires_at=time.time() + signed_in.expires_in,
    )


def client_of(person: Person) -> Client:
    """A client that speaks as this person, and keeps new tokens to itself."""
    return Client(person.gateway, Tokens(person.access_token, person.refresh_token, person.expires_at))
