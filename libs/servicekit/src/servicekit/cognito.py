"""Checks Cognito's tokens: access tokens, and the id tokens of its hosted UI.

python-jose up to 3.5.0 can be led to the wrong algorithm when it is left open (CVE-2024-33663 and its kin): here the
algorithm is RS256 alone, and keys are RSA keys from the pool's own JWKS.
Claims as in https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

import asyncio
import hmac
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from jose import jwk, jwt
from jose.exceptions import ExpiredSignatureError, JOSEError
from pydantic import Field, ValidationError

from messenger_contracts.shapes import Shape
from servicekit.errors import DependencyUnavailable, TokenExpired, Unauthenticated

ALGORITHM = "RS256"
REFETCH_SECONDS = 60.0
CACHE_SIZE = 50_000
MAX_TOKEN_LENGTH = 8192
COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
"""RFC 7515, 3.1. Python's base64 skips what it does not know, and would take one token in any number of spellings."""

FetchJwks = Callable[[], Awaitable[dict[str, Any]]]


class AccessToken(Shape):
    """What a verified access token says."""

    user_id: str
    username: str
    session_id: str = Field(description="Cognito's `origin_jti`: the same through every refresh of a sign-in")
    expires_at: float = Field(description="Unix seconds")
    groups: tuple[str, ...] = Field((), description="As of when the token was issued")


class IdToken(Shape):
    """What a verified id token says of who signed in."""

    user_id: str
    username: str


class _PoolTokens:
    """Reads tokens that a pool signed."""

    def __init__(
        self, *, issuer: str, client_id: str, fetch_jwks: FetchJwks, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._fetch_jwks = fetch_jwks
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a token with a good signature, of our pool and in time; for whom it is, is for the caller."""
        if len(token) > MAX_TOKEN_LENGTH or not COMPACT.fullmatch(token):
            raise Unauthenticated("The token is not valid.")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != ALGORITHM:
                raise Unauthenticated("The token is not valid.")
            key = await self._key(str(header.get("kid")))
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                options={"verify_aud": False, "verify_at_hash": False, "require_exp": True},
            )
        except ExpiredSignatureError as error:
            raise TokenExpired from error
        except (JOSEError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise Unauthenticated("The token is not valid.") from error

    async def _key(self, kid: str) -> Any:
        if kid not in self._keys:
            await self._fetch()
        if kid not in self._keys:
            raise Unauthenticated("The token is not valid.")
        return self._keys[kid]

    async def _fetch(self) -> None:
        """Read the pool's keys, at most once a minute: an unknown `kid` must not become a flood of requests."""
        async with self._lock:
            if self._clock() - self._fetched_at < REFETCH_SECONDS:
                return
            document = await self._fetch_jwks()
            self._keys = {
                key["kid"]: jwk.construct(key, ALGORITHM) for key in document["keys"] if key.get("kty") == "RSA"
            }
            self._fetched_at = self._clock()


class AccessTokenVerifier(_PoolTokens):
    """Verifies access tokens of one pool and one client, and remembers those that were good."""

    def __init__(
        self, *, issuer: str, client_id: str, fetch_jwks: FetchJwks, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(issuer=issuer, client_id=client_id, fetch_jwks=fetch_jwks, clock=clock)
        self._verified: dict[str, AccessToken] = {}

    async def verify(self, token: str) -> AccessToken:
        """What the token says; raises `Unauthenticated`, or `TokenExpired` for one that was good once."""
        known = self._verified.get(token)
        if known is None:
            known = self._remember(token, self._read(await self._claims(token)))
        if known.expires_at <= time.time():
            raise TokenExpired
        return known

    def _remember(self, token: str, verified: AccessToken) -> AccessToken:
        if len(self._verified) >= CACHE_SIZE:
            self._verified.clear()
        self._verified[token] = verified
        return verified

    def _read(self, claims: dict[str, Any]) -> AccessToken:
        if claims.get("token_use") != "access" or claims.get("client_id") != self._client_id:
            raise Unauthenticated("The token is not valid.")
        try:
            return AccessToken(
                user_id=claims["sub"],
                username=claims["username"],
                session_id=claims["origin_jti"],
                expires_at=claims["exp"],
                groups=claims.get("cognito:groups", ()),
            )
        except (KeyError, ValidationError) as error:
            raise Unauthenticated("The token is not valid.") from error


class IdTokenVerifier(_PoolTokens):
    """Verifies the id tokens of sign-ins in the hosted UI: each answers one question, which its nonce names."""

    async def verify(self, token: str, *, nonce: str) -> IdToken:
        """Who signed in; raises `Unauthenticated`, or `TokenExpired` for one that was good once."""
        claims = await self._claims(token)
        asked = hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode())
        if claims.get("token_use") != "id" or claims.get("aud") != self._client_id or not asked:
            raise Unauthenticated("The token is not valid.")
        try:
            return IdToken(user_id=claims["sub"], username=claims["cognito:username"])
        except (KeyError, ValidationError) as error:
            raise Unauthenticated("The token is not valid.") from error


def jwks_from(http: httpx.AsyncClient, url: str) -> FetchJwks:
    """Reads a pool's keys over HTTP; `DependencyUnavailable` while that fails."""

    async def fetch() -> dict[str, Any]:
        try:
            document: dict[str, Any] = (await http.get(url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise DependencyUnavailable("The user pool's keys cannot be read at the moment.") from error
        return document

    return fetch
