"""The signed identity between our processes: the gateway signs, every service verifies, nobody trusts a bare header.

The gateway signs for people. A service that asks another for its own ends signs with a key of its own, which proves
that service and nobody else: `NAME:v4.public.…` in the same header.
"""

import time
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from messenger_contracts.identity import IDENTITY_HEADER, Principal, service
from servicekit.aws import Aws
from servicekit.errors import Forbidden, Unauthenticated
from servicekit.keys import KeyRing, key_ring
from servicekit.settings import ServiceSettings
from servicekit.tokens import Tokens

GATEWAY = "gateway"
PURPOSE = "internal-identity"
SERVICE_PURPOSE = "service-identity"
ASKING = ("auth", "chat")
"""The services that ask others for their own ends."""
TTL_SECONDS = 60.0
REUSE_SECONDS = 30.0
CACHE_SIZE = 10_000


class IdentitySigner:
    """Signs principals. A signature is used again for half of its life, so that a busy caller costs few."""

    def __init__(self, ring: KeyRing, ttl_seconds: float = TTL_SECONDS) -> None:
        self._tokens = Tokens(ring, PURPOSE)
        self._ttl_seconds = ttl_seconds
        self._signed: dict[Principal, tuple[float, str]] = {}

    async def sign(self, principal: Principal) -> str:
        """The value of the identity header for a principal."""
        now = time.monotonic()
        until, token = self._signed.get(principal, (0.0, ""))
        if until > now:
            return token
        token = await self._tokens.make(principal.model_dump(), self._ttl_seconds)
        if len(self._signed) >= CACHE_SIZE:
            self._signed.clear()
        self._signed[principal] = (now + REUSE_SECONDS, token)
        return token


class ServiceSigner:
    """Signs for one service, as itself."""

    def __init__(self, ring: KeyRing, name: str) -> None:
        self._tokens = Tokens(ring, f"{SERVICE_PURPOSE}:{name}")
        self._name = name

    async def sign(self) -> str:
        """The value of the identity header."""
        return f"{self._name}:{await self._tokens.make({}, TTL_SECONDS)}"


class IdentityVerifier:
    """Verifies identity headers. What was verified is remembered until it expires."""

    def __init__(self, ring: KeyRing, services: Mapping[str, KeyRing] | None = None) -> None:
        self._tokens = Tokens(ring, PURPOSE)
        self._services = {name: Tokens(ring, f"{SERVICE_PURPOSE}:{name}") for name, ring in (services or {}).items()}
        self._verified: dict[str, tuple[float, Principal]] = {}

    async def verify(self, token: str | None) -> Principal:
        """The principal that a header proves; raises `Unauthenticated` or `TokenExpired`."""
        if not token:
            raise Unauthenticated("The request carries no signed identity.")
        expires, principal = self._verified.get(token, (0.0, None))
        if principal and expires > time.time():
            return principal
        name, of_service, bare = token.partition(":")
        if of_service:
            return await self._verify_service(name, bare)
        claims = await self._tokens.read(token)
        principal = Principal.model_validate(claims)
        if len(self._verified) >= CACHE_SIZE:
            self._verified.clear()
        self._verified[token] = (claims["exp"], principal)
        return principal

    async def _verify_service(self, name: str, token: str) -> Principal:
        tokens = self._services.get(name)
        if tokens is None:
            raise Unauthenticated("The request carries no signed identity.")
        await tokens.read(token)
        return service(name)


async def identity_verifier(aws: Aws, settings: ServiceSettings) -> IdentityVerifier:
    """The verifier that every service holds: it knows the public halves of the gateway's keys, and of those who ask."""

    async def ring_of(name: str) -> KeyRing:
        return await key_ring(aws, settings.resource("identity-public", name), settings.key_seconds)

    return IdentityVerifier(await ring_of(GATEWAY), {name: await ring_of(name) for name in ASKING})


async def service_signer(aws: Aws, settings: ServiceSettings) -> ServiceSigner:
    """The signer of a service that is one of those who ask."""
    ring = await key_ring(aws, settings.resource("identity-private"), settings.key_seconds)
    return ServiceSigner(ring, settings.SERVICE)


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
