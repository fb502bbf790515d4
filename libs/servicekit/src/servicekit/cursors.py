"""Cursors of lists: sealed, so that they are opaque; bound to the list and its reader; good for a day.

A forged or foreign one is `validation_failed`, an old one `cursor_expired`.
"""

from typing import Any

from messenger_contracts.problem import ErrorCode, FieldError
from servicekit.errors import ServiceError, TokenExpired, Unauthenticated, ValidationFailed
from servicekit.keys import KeyRing
from servicekit.tokens import Tokens

TTL_SECONDS = 24 * 3600.0


class Cursors:
    """Makes and reads the cursors of one kind of list."""

    def __init__(self, ring: KeyRing, kind: str) -> None:
        self._tokens = Tokens(ring, f"cursor:{kind}")

    async def make(self, reader: str, position: Any) -> str:
        """The cursor of a position, for the person who reads the list."""
        return await self._tokens.make({"r": reader, "p": position}, TTL_SECONDS)

    async def read(self, reader: str, cursor: str) -> Any:
        """The position that a cursor stands for."""
        try:
            claims = await self._tokens.read(cursor)
        except TokenExpired as error:
            raise ServiceError("The cursor is too old: start again.", code=ErrorCode.CURSOR_EXPIRED) from error
        except Unauthenticated as error:
            raise _foreign() from error
        if claims["r"] != reader:
            raise _foreign()
        return claims["p"]


def _foreign() -> ValidationFailed:
    return ValidationFailed(errors=[FieldError(pointer="query/cursor", detail="is not one of this list's cursors")])
