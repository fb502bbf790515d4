"""Whatever bytes come as a token, the answer is a refusal: never another exception, never a yes.

Good tokens of every kind are bent in ways that a forger would try, and some that nobody would.
"""

import asyncio
import base64
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jose import jwk, jwt
from pyseto import Key

from messenger_contracts.identity import Principal
from servicekit.cognito import AccessTokenVerifier, IdTokenVerifier
from servicekit.cursors import Cursors
from servicekit.errors import Unauthenticated, ValidationFailed
from servicekit.identity import IdentitySigner, IdentityVerifier
from servicekit.keys import KeyRing
from servicekit.tokens import Tokens

ISSUER, CLIENT, NONCE = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Pool", "the-client", "the-nonce"
SEALED = [
    *("active_session", "known_device", "refresh_session", "cognito_refresh_token", "realtime_ticket"),
    *("verify_email_session", "password_reset_session", "totp_challenge_session", "oidc_sign_in", "oidc_proof"),
]
FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

Read = Callable[[str], Awaitable[Any]]


def ring(paserk: str) -> KeyRing:
    async def load() -> list[str]:
        return [paserk]

    return KeyRing(load)


@pytest.fixture(scope="module")
def rsa() -> Any:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def jwks(rsa: Any) -> dict[str, Any]:
    pem = rsa.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"keys": [{**jwk.construct(pem, "RS256").to_dict(), "kid": "k1", "use": "sig"}]}


@pytest.fixture(scope="module")
def jwt_of(rsa: Any) -> Callable[..., str]:
    """Signs claims as the pool does."""
    pem = rsa.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    good = {"sub": "u", "iss": ISSUER, "exp": int(time.time()) + 3600}
    return lambda **claims: str(jwt.encode(good | claims, pem, "RS256", headers={"kid": "k1"}))


@pytest.fixture(scope="module")
def local() -> str:
    return str(Key.new(4, "local", secrets.token_bytes(32)).to_paserk())


@pytest.fixture(params=[*SEALED, "identity", "access", "id"])
async def parser(request, local, key_pair, jwks, jwt_of) -> tuple[str, Read]:
    """A good token of a kind, and what reads it."""

    async def fetch() -> dict[str, Any]:
        return jwks

    if request.param == "identity":
        token = await IdentitySigner(ring(key_pair[0])).sign(Principal(user_id="u", username="u", session_id="s"))
        return token, IdentityVerifier(ring(key_pair[1])).verify
    if request.param == "access":
        claims = {"username": "u", "origin_jti": "s", "client_id": CLIENT, "token_use": "access"}
        return jwt_of(**claims), AccessTokenVerifier(issuer=ISSUER, client_id=CLIENT, fetch_jwks=fetch).verify
    if request.param == "id":
        verifier = IdTokenVerifier(issuer=ISSUER, client_id=CLIENT, fetch_jwks=fetch)
        claims = {"cognito:username": "u", "aud": CLIENT, "token_use": "id", "nonce": NONCE}
        return jwt_of(**claims), lambda token: verifier.verify(token, nonce=NONCE)
    tokens = Tokens(ring(local), request.param)
    return await tokens.make({"user_id": "u", "generation": 1}, 3600), tokens.read


@st.composite
def bent(draw: st.DrawFn, token: str) -> str:
    """A token with something changed, left out, put in or swapped."""
    start = draw(st.integers(0, len(token) - 1))
    end = draw(st.integers(start, min(len(token), start + 60)))
    alphabet = "ABCdef019-_.=+/ \x00é\ud800" + token
    filling = draw(st.text(st.sampled_from(alphabet), max_size=60) | st.text(max_size=20))
    parts = token[:start] + filling + token[end:]
    return draw(st.sampled_from([parts, ".".join(reversed(parts.split("."))), parts * 2, parts.swapcase()]))


async def refused(read: Read, token: str) -> bool:
    try:
        await read(token)
    except Unauthenticated:
        return True
    return False


async def test_the_good_token_is_good(parser: tuple[str, Read]) -> None:
    token, read = parser
    assert await read(token)


def meaning(token: str) -> list[bytes | str]:
    """What a token says: the spare bits of base64's last letters say nothing."""
    parts = token.removeprefix("v4.local.").removeprefix("v4.public.").split(".")
    return [_decoded(part) if re.fullmatch(r"[\w-]+", part, re.ASCII) else part for part in parts]


def _decoded(part: str) -> bytes | str:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return part


@FUZZ
@given(data=st.data())
async def test_a_bent_token_is_refused(parser: tuple[str, Read], data: st.DataObject) -> None:
    good, read = parser
    token = data.draw(bent(good))
    if meaning(token) != meaning(good):
        assert await refused(read, token)


@FUZZ
@given(token=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")) | st.text(".", max_size=9))
async def test_anything_else_is_refused(parser: tuple[str, Read], token: str) -> None:
    assert await refused(parser[1], token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)


def _part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@FUZZ
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jku", "jwk", "x5u"]), JSON) | JSON,
    claims=JSON,
    signature=st.binary(max_size=300),
)
async def test_a_jwt_of_anybody_is_refused(jwks: Any, header: Any, claims: Any, signature: bytes) -> None:
    async def fetch() -> dict[str, Any]:
        return jwks

    verifier = AccessTokenVerifier(issuer=ISSUER, client_id=CLIENT, fetch_jwks=fetch)
    forged = f"{_part(header)}.{_part(claims)}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    assert await refused(verifier.verify, forged)
    if isinstance(header, dict):
        named = f"{_part(header | {'alg': 'RS256', 'kid': 'k1'})}.{_part(claims)}.AAAA"
        assert await refused(verifier.verify, named)


@pytest.mark.parametrize("depth", [1500, 6000])
@pytest.mark.parametrize("shape", ["[", '{"a":'])
async def test_a_header_as_deep_as_a_well_is_refused(jwks: Any, depth: int, shape: str) -> None:
    async def fetch() -> dict[str, Any]:
        return jwks

    verifier = AccessTokenVerifier(issuer=ISSUER, client_id=CLIENT, fetch_jwks=fetch)
    deep = base64.urlsafe_b64encode((shape * depth).encode()[:6000]).decode().rstrip("=")
    assert await refused(verifier.verify, f"{deep}.e30.AAAA")
    assert await refused(verifier.verify, f"{_part({'alg': 'RS256', 'kid': 'k1'})}.{deep}.AAAA")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": "soon"},
        {"exp": 1e400},
        {"exp": None},
        {"exp": []},
        {"username": None},
        {"username": {}},
        {"sub": ["u"]},
        {"origin_jti": 7},
        {"cognito:groups": "moderators"},
        {"cognito:groups": [1]},
        {"nbf": "later"},
        {"iat": "before"},
        {"aud": 5},
        {"at_hash": "x"},
    ],
)
async def test_even_what_the_pool_signed_must_make_sense(jwks: Any, jwt_of: Any, claims: dict[str, Any]) -> None:
    async def fetch() -> dict[str, Any]:
        return jwks

    good = {"username": "u", "origin_jti": "s", "client_id": CLIENT, "token_use": "access"}
    try:
        token = jwt_of(**(good | claims))
    except (OverflowError, ValueError, TypeError):
        return  # no library signs such a thing
    verifier = AccessTokenVerifier(issuer=ISSUER, client_id=CLIENT, fetch_jwks=fetch)
    harmless = set(claims) <= {"aud", "at_hash"}
    assert await refused(verifier.verify, token) is not harmless


async def test_an_id_token_of_another_question_client_or_use_is_refused(jwks: Any, jwt_of: Any) -> None:
    async def fetch() -> dict[str, Any]:
        return jwks

    verifier = IdTokenVerifier(issuer=ISSUER, client_id=CLIENT, fetch_jwks=fetch)
    good = {"cognito:username": "u", "aud": CLIENT, "token_use": "id", "nonce": NONCE}
    assert (await verifier.verify(jwt_of(**good), nonce=NONCE)).user_id == "u"
    for claims in ({"nonce": "x"}, {"nonce": None}, {"aud": "x"}, {"token_use": "access"}, {"iss": "x"}, {"exp": 1}):
        with pytest.raises(Unauthenticated):
            await verifier.verify(jwt_of(**(good | claims)), nonce=NONCE)


@FUZZ
@given(cursor=st.text() | st.text("v4.localAZaz09-_=").map("v4.local.".__add__))
async def test_a_cursor_of_anybody_is_refused(local: str, cursor: str) -> None:
    with pytest.raises(ValidationFailed):
        await Cursors(ring(local), "things").read("user", cursor)


async def test_a_crowd_of_forgeries_does_not_slow_the_good_token(parser: tuple[str, Read]) -> None:
    """A hundred at once; a parser that takes long for what is no token would be a way to stop the service."""
    token, read = parser
    forged = [token[:-9] + secrets.token_hex(4) + "a" for _ in range(100)]
    async with asyncio.timeout(5):
        assert all(await asyncio.gather(*(refused(read, each) for each in forged)))
        assert await read(token)
