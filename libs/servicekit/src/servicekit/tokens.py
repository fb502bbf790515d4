"""PASETO v4 tokens of our own: sealed ones that only we can read, signed ones that every service can check.

A token is bound to one purpose by the implicit assertion: a token made for another purpose does not open.
"""

import re
import time
from typing import Any

import orjson
import pyseto
from pyseto.exceptions import PysetoError

from servicekit.errors import TokenExpired, Unauthenticated
from servicekit.keys import KeyRing

MAX_TOKEN_LENGTH = 8192
TOKEN = re.compile(r"v4\.(local|public)\.[\w-]+\.[\w-]+", re.ASCII)
"""Ours have a footer. Python's base64 skips what it does not know, and would take one token in many spellings."""


class Tokens:
    """Makes and reads tokens of one purpose. The key ring's kind decides whether they are sealed or signed."""

    def __init__(self, ring: KeyRing, purpose: str) -> None:
        self._ring = ring
        self._assertion = purpose.encode()

    async def make(self, claims: dict[str, Any], ttl: float) -> str:
        """A token that is good for `ttl` seconds."""
        key_id, key = await self._ring.current()
        payload = orjson.dumps(claims | {"exp": time.time() + ttl})
        return pyseto.encode(key, payload, footer=key_id.encode(), implicit_assertion=self._assertion).decode()

    async def read(self, token: str) -> dict[str, Any]:
        """The claims of a token.

        Raises `Unauthenticated` when it is not ours or for another purpose, `TokenExpired` when its time is over.
        """
        key = await self._ring.find(_footer(token))
        if key is None:
            raise Unauthenticated("The token is not valid.")
        try:
            opened = pyseto.decode(key, token, implicit_assertion=self._assertion)
        except (PysetoError, ValueError) as error:
            raise Unauthenticated("The token is not valid.") from error
        claims: dict[str, Any] = orjson.loads(opened.payload)  # type: ignore[arg-type]
        if claims["exp"] <= time.time():
            raise TokenExpired
        return claims


def _footer(token: str) -> str:
    """The id of the key that a token names in its footer."""
    if len(token) > MAX_TOKEN_LENGTH or not TOKEN.fullmatch(token):
        raise Unauthenticated("The token is not valid.")
    try:
        return bytes(pyseto.Token.new(token).footer).decode()  # type: ignore[arg-type]
    except ValueError as error:
        raise Unauthenticated("The token is not valid.") from error
