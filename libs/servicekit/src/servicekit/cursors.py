"""Cursors of lists: sealed, so that they are opaque; bound to the list and its reader; good for a day.

A forged or foreign one is `validation_failed`, an old one `cursor_expired`.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from messenger_contracts.pagination import Page
from messenger_contracts.problem import ErrorCode, FieldError
from servicekit.errors import ServiceError, TokenExpired, Unauthenticated, ValidationFailed
from servicekit.keys import KeyRing
from servicekit.tokens import Tokens

TTL_SECONDS = 24 * 3600.0

Item = TypeVar("Item")
FOR_EVER = 100 * 365 * TTL_SECONDS


class Cursors:
    """Makes and reads the cursors of one kind of list. `parameter` is the query's, where it has a name of its own."""

    def __init__(self, ring: KeyRing, kind: str, *, ttl: float = TTL_SECONDS, parameter: str = "cursor") -> None:
        self._tokens = Tokens(ring, f"cursor:{kind}")
        self._ttl = ttl
        self._parameter = parameter

    async def make(self, reader: str, position: Any) -> str:
        """The cursor of a position, for the person who reads the list."""
        return await self._tokens.make({"r": reader, "p": position}, self._ttl)

    async def read(self, reader: str, cursor: str) -> Any:
        """The position that a cursor stands for."""
        try:
            claims = await self._tokens.read(cursor)
        except TokenExpired as error:
            raise ServiceError("The cursor is too old: start again.", code=ErrorCode.CURSOR_EXPIRED) from error
        except Unauthenticated as error:
            raise self._foreign() from error
        if claims["r"] != reader:
            raise self._foreign()
        return claims["p"]

    async def page(self, reader: str, items: Sequence[Item], limit: int, position: Callable[[Item], Any]) -> Page[Item]:
        """The first `limit` of items, and where to go on: the caller has read one more, if there is one."""
        if len(items) <= limit:
            return Page(items=list(items))
        kept = list(items[:limit])
        return Page(items=kept, next=await self.make(reader, position(kept[-1])))

    def _foreign(self) -> ValidationFailed:
        pointer = f"query/{self._parameter}"
        return ValidationFailed(errors=[FieldError(pointer=pointer, detail="is not one of this list's cursors")])
