"""The signed identity between our processes: the gateway signs, every service verifies, nobody trusts a bare header."""

import time
from typing import Annotated

from fastapi import Depends, Request

from messenger_contracts.identity import IDENTITY_HEADER, Principal
from servicekit.aws import Aws
from servicekit.errors import Forbidden, Unauthenticated
from servicekit.keys import KeyRing, key_ring
from servicekit.settings import ServiceSettings
from servicekit.tokens import Tokens

GATEWAY = "gateway"
PURPOSE = "internal-identity"
TTL_SECONDS = 60.0
REUSE_SECONDS = 30.0
CACHE_SIZE = 10_000


class IdentitySigner:
    """Signs principals. A signature is used again for half of its life, so that a busy caller costs few."""

    def __init__(self, ring: KeyRing) -> None:
        self._tokens = Tokens(ring, PURPOSE)
        self._signed: dict[Principal, tuple[float, str]] = {}

    async def sign(self, principal: Principal) -> str:
        """The value of the identity header for a principal."""
        now = time.monotonic()
        until, token = self._signed.get(principal, (0.0, ""))
        if until > now:
            return token
        token = await self._tokens.make(principal.model_dump(), TTL_SECONDS)
        if len(self._signed) >= CACHE_SIZE:
            self._signed.clear()
        self._signed[principal] = (now + REUSE_SECONDS, token)
        return token


class IdentityVerifier:
    """Verifies identity headers. What was verified is remembered until it expires."""

    def __init__(self, ring: KeyRing) -> None:
        self._tokens = Tokens(ring, PURPOSE)
        self._verified: dict[str, tuple[float, Principal]] = {}

    async def verify(self, token: str | None) -> Principal:
        """The principal that a header proves; raises `Unauthenticated` or `TokenExpired`."""
        if not token:
            raise Unauthenticated("The request carries no signed identity.")
        expires, principal = self._verified.get(token, (0.0, None))
        if principal and expires > time.time():
            return principal
        claims = await self._tokens.read(token)
        principal = Principal.model_validate(claims)
        if len(self._verified) >= CACHE_SIZE:
            self._verified.clear()
        self._verified[token] = (claims["exp"], principal)
        return principal


async def identity_verifier(aws: Aws, settings: ServiceSettings) -> IdentityVerifier:
    """The verifier that every service holds: it knows the public half of the gateway's keys."""
    return IdentityVerifier(await key_ring(aws, settings.resource("identity-public", GATEWAY)))


async def require_identity(request: Request) -> Principal:
    """Refuse a request that nobody signed."""
    verifier: IdentityVerifier = request.state.identity
    return await verifier.verify(request.headers.get(IDENTITY_HEADER))


async def _user(principal: Annotated[Principal, Depends(require_identity)]) -> Principal:
    if principal.kind != "user":
        raise Unauthenticated
    return principal


async def _service(principal: Annotated[Principal, Depends(require_identity)]) -> Principal:
    if principal.kind != "service":
        raise Forbidden("Only our own services may ask this.")
    return principal


SignedPrincipal = Annotated[Principal, Depends(require_identity)]
"""Whoever asks, signed in or not."""
CurrentUser = Annotated[Principal, Depends(_user)]
"""A person who is signed in."""
CallingService = Annotated[Principal, Depends(_service)]
"""One of our own services."""
