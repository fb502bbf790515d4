"""Which access tokens are good, and all those that are not."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jose import jwk, jwt

from servicekit.cognito import REFETCH_SECONDS, AccessTokenVerifier
from servicekit.errors import TokenExpired, Unauthenticated

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Pool"
CLIENT = "the-client"


def _pem(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def other_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


class Pool:
    """A user pool: its published keys, how often they were asked for, and the time."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.fetched = 0
        self.now = 0.0

    def publish(self, kid: str, key: RSAPrivateKey) -> None:
        self.keys.append({**jwk.construct(_public_pem(key), "RS256").to_dict(), "kid": kid, "use": "sig"})

    async def fetch(self) -> dict[str, Any]:
        self.fetched += 1
        return {"keys": self.keys}

    def clock(self) -> float:
        return self.now


@pytest.fixture
def pool(key: RSAPrivateKey) -> Pool:
    pool = Pool()
    pool.publish("k1", key)
    return pool


@pytest.fixture
def verifier(pool: Pool) -> AccessTokenVerifier:
    return AccessTokenVerifier(issuer=ISSUER, client_id=CLIENT, fetch_jwks=pool.fetch, clock=pool.clock)


def _claims(**changed: Any) -> dict[str, Any]:
    claims = {
        "sub": "user-ann",
        "username": "ann",
        "origin_jti": "session-1",
        "iss": ISSUER,
        "client_id": CLIENT,
        "token_use": "access",
        "exp": int(time.time()) + 3600,
    }
    return {name: value for name, value in (claims | changed).items() if value is not None}


def _token(key: RSAPrivateKey, kid: str = "k1", **changed: Any) -> str:
    token: str = jwt.encode(_claims(**changed), _pem(key).decode(), "RS256", headers={"kid": kid})
    return token


def _part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _signed_with_public_key(key: RSAPrivateKey) -> str:
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'k1'})}.{_part(_claims())}"
    signature = hmac.digest(_public_pem(key), signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def test_a_good_token_tells_who_it_is(verifier: AccessTokenVerifier, key: RSAPrivateKey) -> None:
    token = await verifier.verify(_token(key))

    assert (token.user_id, token.username, token.session_id) == ("user-ann", "ann", "session-1")


async def test_a_token_tells_the_groups_that_the_person_is_in(
    verifier: AccessTokenVerifier, key: RSAPrivateKey
) -> None:
    token = await verifier.verify(_token(key, **{"cognito:groups": ["moderators", "others"]}))

    assert token.groups == ("moderators", "others")
    assert (await verifier.verify(_token(key))).groups == ()


async def test_an_expired_token_says_that_it_is_expired(verifier: AccessTokenVerifier, key: RSAPrivateKey) -> None:
    with pytest.raises(TokenExpired):
        await verifier.verify(_token(key, exp=int(time.time()) - 1))


async def test_a_token_that_was_good_expires(
    verifier: AccessTokenVerifier, key: RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _token(key)
    await verifier.verify(token)
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)

    with pytest.raises(TokenExpired):
        await verifier.verify(token)


async def test_a_token_without_signature_is_refused(verifier: AccessTokenVerifier) -> None:
    for algorithm in ("none", "None", "NONE", "nOnE"):
        with pytest.raises(Unauthenticated):
            await verifier.verify(f"{_part({'alg': algorithm, 'kid': 'k1'})}.{_part(_claims())}.")


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    verifier: AccessTokenVerifier, key: RSAPrivateKey
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(_signed_with_public_key(key))


async def test_a_token_of_another_key_is_refused(verifier: AccessTokenVerifier, other_key: RSAPrivateKey) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(_token(other_key))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"iss": ISSUER.replace("Pool", "Other")}, id="another pool"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"client_id": "another-client"}, id="another client"),
        pytest.param({"client_id": None, "aud": CLIENT, "token_use": "id"}, id="an id token"),
        pytest.param({"token_use": "id"}, id="not for access"),
        pytest.param({"token_use": None}, id="for no use"),
        pytest.param({"exp": None}, id="never expires"),
        pytest.param({"sub": None}, id="nobody"),
        pytest.param({"origin_jti": None}, id="no session"),
        pytest.param({"nbf": 99999999999}, id="not yet"),
    ],
)
async def test_a_token_of_our_key_that_was_not_made_for_this_is_refused(
    verifier: AccessTokenVerifier, key: RSAPrivateKey, changed: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(_token(key, **changed))


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "not a token",
        "é.é.é",
        "\x00.\x00.\x00",
        f"{_part([])}.{_part({})}.x",
        f"{_part({'alg': 'RS256'})}.{_part({})}.x",
        f"{_part({'alg': ['RS256'], 'kid': {}})}.{_part({})}.x",
        f"{_part({'alg': 'RS256', 'kid': 'k1'})}.{_part([])}.x",
        f"{base64.urlsafe_b64encode(b'[' * 5000).decode()}.e30.x",
        f"{base64.urlsafe_b64encode(b'1' * 5000).decode()}.e30.x",
    ],
)
async def test_garbage_is_refused(verifier: AccessTokenVerifier, garbage: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(garbage)


async def test_a_huge_token_is_refused_unread(verifier: AccessTokenVerifier, pool: Pool, key: RSAPrivateKey) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(_token(key, padding="x" * 10_000))

    assert pool.fetched == 0


async def test_keys_are_fetched_once_for_many_tokens(
    verifier: AccessTokenVerifier, pool: Pool, key: RSAPrivateKey
) -> None:
    for number in range(3):
        await verifier.verify(_token(key, jti=str(number)))

    assert pool.fetched == 1


async def test_unknown_keys_are_looked_for_once_a_minute(
    verifier: AccessTokenVerifier, pool: Pool, key: RSAPrivateKey, other_key: RSAPrivateKey
) -> None:
    await verifier.verify(_token(key))
    for kid in ("x", "y", "z"):
        with pytest.raises(Unauthenticated):
            await verifier.verify(_token(other_key, kid))
    assert pool.fetched == 1

    pool.now += REFETCH_SECONDS
    for kid in ("x", "y", "z"):
        with pytest.raises(Unauthenticated):
            await verifier.verify(_token(other_key, kid))

    assert pool.fetched == 2


async def test_a_new_key_of_the_pool_is_found(
    verifier: AccessTokenVerifier, pool: Pool, key: RSAPrivateKey, other_key: RSAPrivateKey
) -> None:
    await verifier.verify(_token(key))
    pool.publish("k2", other_key)
    pool.now += REFETCH_SECONDS

    assert (await verifier.verify(_token(other_key, "k2"))).user_id == "user-ann"


async def test_keys_of_another_kind_are_left_aside(
    verifier: AccessTokenVerifier, pool: Pool, key: RSAPrivateKey
) -> None:
    pool.keys.insert(0, {"kid": "k1", "kty": "oct", "k": base64.urlsafe_b64encode(b"s" * 32).decode()})

    assert (await verifier.verify(_token(key))).user_id == "user-ann"
