"""Tokens open for their purpose, their key and their time, and for nothing else."""

import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyseto import Key

from servicekit.errors import TokenExpired, Unauthenticated
from servicekit.keys import KeyRing
from servicekit.tokens import MAX_TOKEN_LENGTH, Tokens


def ring_of(*paserks):
    async def load():
        return paserks

    return KeyRing(load)


@pytest.fixture(scope="session")
def symmetric():
    return Key.new(4, "local", secrets.token_bytes(32)).to_paserk()


@pytest.fixture(params=["sealed", "signed"])
def pair(request, symmetric, key_pair):
    """The maker and the reader of one purpose, sealed and signed."""
    made_with, read_with = (symmetric, symmetric) if request.param == "sealed" else key_pair
    return Tokens(ring_of(made_with), "probe"), Tokens(ring_of(read_with), "probe")


async def test_claims_come_back(pair):
    maker, reader = pair
    claims = await reader.read(await maker.make({"who": "bob", "n": 7}, 60))
    assert (claims["who"], claims["n"]) == ("bob", 7)


async def test_a_sealed_token_shows_nothing_and_no_two_are_alike(symmetric):
    tokens = Tokens(ring_of(symmetric), "probe")
    first, second = [await tokens.make({"who": "bob"}, 60) for _ in range(2)]
    assert first != second
    assert first.startswith("v4.local.")


async def test_a_token_of_another_purpose_does_not_open(symmetric, key_pair):
    for make, read in ((symmetric, symmetric), key_pair):
        token = await Tokens(ring_of(make), "verify_email_session").make({}, 60)
        with pytest.raises(Unauthenticated):
            await Tokens(ring_of(read), "password_reset_session").read(token)


async def test_an_expired_token_says_that_it_was_good_once(pair):
    maker, reader = pair
    with pytest.raises(TokenExpired):
        await reader.read(await maker.make({}, -1))


async def test_a_claim_cannot_prolong_a_token(pair):
    maker, reader = pair
    with pytest.raises(TokenExpired):
        await reader.read(await maker.make({"exp": 10**12}, -1))


async def test_a_token_of_another_key_does_not_open(pair, symmetric):
    foreign = Tokens(ring_of(Key.new(4, "local", secrets.token_bytes(32)).to_paserk()), "probe")
    with pytest.raises(Unauthenticated):
        await pair[1].read(await foreign.make({}, 60))


async def test_a_token_of_another_key_that_names_ours_does_not_open(symmetric):
    """The footer is not secret: anybody can name a key."""
    import pyseto

    key_id, _ = await ring_of(symmetric).current()
    other = Key.new(4, "local", secrets.token_bytes(32))
    token = pyseto.encode(other, b'{"exp": 99999999999}', footer=key_id.encode(), implicit_assertion=b"probe")
    with pytest.raises(Unauthenticated):
        await Tokens(ring_of(symmetric), "probe").read(token.decode())


async def test_every_truncation_is_refused(pair):
    maker, reader = pair
    token = await maker.make({"who": "bob"}, 60)
    for length in range(len(token)):
        with pytest.raises(Unauthenticated):
            await reader.read(token[:length])


async def test_a_change_of_any_character_is_refused(pair):
    maker, reader = pair
    token = await maker.make({"who": "bob"}, 60)
    body = token.rindex(".")
    for place in range(len("v4.local."), body - 1):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Unauthenticated):
            await reader.read(changed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.text("v4.localpubic-_AZaz09=").map("v4.local.".__add__) | st.text().map("v4.public.".__add__))
async def test_anything_else_is_refused(pair, token):
    with pytest.raises(Unauthenticated):
        await pair[1].read(token)


async def test_a_token_longer_than_any_of_ours_is_refused_unread(pair):
    maker, reader = pair
    with pytest.raises(Unauthenticated):
        await reader.read(await maker.make({"filling": "x" * MAX_TOKEN_LENGTH}, 60))
