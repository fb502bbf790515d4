"""The rules of names, addresses and passwords."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_service.accounts.domain import RESERVED, check_email, check_username, is_abandoned, prove, proves

NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("username", ["ada", "ada.byron", "a_1", "Ada", "x" * 30])
def test_a_username_that_fits(username):
    assert check_username(username) == username.lower()


@pytest.mark.parametrize(
    "username", ["", "ab", "x" * 31, "1da", "_da", "a..b", "ada.", "a._b", "a b", "ada@x", "ädä", "ada\n", "a\u0131da"]
)
def test_a_username_that_does_not_fit(username):
    with pytest.raises(ValueError, match="takes 3 to 30"):
        check_username(username.replace("\n", "\nx"))


@given(st.text(max_size=40))
def test_a_username_that_was_taken_is_taken_as_it_is(text):
    try:
        folded = check_username(text)
    except ValueError:
        return
    assert check_username(folded) == folded
    assert folded.isascii()
    assert 3 <= len(folded) <= 30


def test_every_reserved_name_would_fit_or_is_too_short():
    assert all(len(name) < 3 or check_username(name) == name for name in RESERVED)


@pytest.mark.parametrize("email", ["ada@example.com", "Ada+x@Sub.Example.Co", "o'hara@example.museum", "a@b.xn--p1ai"])
def test_an_address(email):
    assert check_email(f" {email} ") == email.lower()


@pytest.mark.parametrize(
    "email",
    [
        *("ada", "@example.com", "ada@", "ada@localhost", "a b@example.com", "a@b@example.com", "a@-x.com"),
        *("a@1.2.3.4", "a@x..com", "a@exa\nmple.com", "a@" + "x" * 64 + ".com", "a@" + "x." * 130 + "com"),
        "x" * 65 + "@example.com",
    ],
)
def test_no_address(email):
    with pytest.raises(ValueError, match="not an e-mail address"):
        check_email(email)


def test_a_proof_knows_its_password_alone():
    proof = prove("correct horse")
    assert proves(proof, "correct horse")
    assert not proves(proof, "correct horse ")
    assert prove("correct horse") != proof


def test_no_password_is_proven_by_no_proof():
    assert not proves(None, "correct horse")


@pytest.mark.parametrize(("age", "abandoned"), [(0, False), (60, False), (62, True)])
def test_a_sign_up_is_abandoned_after_its_flow(age, abandoned):
    assert is_abandoned(NOW - timedelta(minutes=age), NOW) is abandoned
