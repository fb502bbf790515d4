"""The rules of names, addresses and passwords."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from confusable_homoglyphs.confusables import confusables_data
from hypothesis import given
from hypothesis import strategies as st

from auth_service.accounts.domain import (
    RESERVED,
    check_email,
    check_username,
    fold,
    is_abandoned,
    is_reserved,
    prove,
    proves,
    skeleton,
)

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


@pytest.mark.parametrize(
    "username",
    [
        "admin",
        "adrnin",
        "ad.min",
        "a_d_m_i_n",
        "supp0rt",
        "me",
        "offic1al",
        "messenger.ada",
        "ada_support",
        "vvebmaster",
    ],
)
def test_a_name_that_is_or_looks_reserved(username):
    assert is_reserved(username)


@pytest.mark.parametrize("username", ["ada", "ada.byron", "adminton", "supporter", "robot", "me2", "staffan"])
def test_a_name_that_only_begins_like_a_reserved_one(username):
    assert not is_reserved(username)


@pytest.mark.parametrize(("one", "other"), [("ada.byron", "ada.byr0n"), ("willow", "vvi11ow"), ("modem", "rnodern")])
def test_names_that_people_take_for_one_another(one, other):
    assert skeleton(one) == skeleton(other)


def test_dots_and_underscores_tell_names_apart():
    assert len({skeleton(name) for name in ("adabyron", "ada.byron", "ada_byron")}) == 3


@given(st.from_regex(r"[a-z][a-z0-9]{2,20}", fullmatch=True))
def test_the_skeleton_of_a_skeleton_is_itself(username):
    assert skeleton(skeleton(username)) == skeleton(username)


def test_no_confusables_of_unicode_are_left_within_the_alphabet_of_usernames():
    """UTS 39's data, by confusable-homoglyphs: what a username may hold, shown in small letters as it is."""
    letters = string.ascii_lowercase + string.digits + "._"
    pairs = {
        (letter, alike["c"])
        for letter in letters
        for alike in confusables_data.get(letter, [])
        if set(alike["c"].lower()) <= set(letters)
    }
    assert pairs
    assert [pair for pair in pairs if skeleton(pair[0]) != skeleton(pair[1].lower())] == [("l", "I")]


@pytest.mark.parametrize("email", ["ada@example.com", "Ada+x@Sub.Example.Co", "o'hara@example.museum", "a@b.xn--p1ai"])
def test_an_address(email):
    assert check_email(f" {email} ") == email.lower()


@pytest.mark.parametrize("email", ["ada@b\u00fccher.example", "Ada@BU\u0308CHER.example", "ada@xn--bcher-kva.example"])
def test_a_domain_with_other_letters_has_one_form(email):
    assert check_email(email) == fold(email) == "ada@xn--bcher-kva.example"


def test_a_sharp_s_is_its_own_domain():
    """IDNA 2003 would have mailed to somebody else."""
    assert check_email("ada@stra\u00dfe.example") != check_email("ada@strasse.example")


@pytest.mark.parametrize(
    "email",
    [
        *("ada", "@example.com", "ada@", "ada@localhost", "a b@example.com", "a@b@example.com", "a@-x.com"),
        *("a@1.2.3.4", "a@x..com", "a@exa\nmple.com", "a@" + "x" * 64 + ".com", "a@" + "x." * 130 + "com"),
        *("x" * 65 + "@example.com", "a@" + "x." * 62 + "com", '"a b"@example.com'),
        *(".a@example.com", "a.@example.com", "a..b@example.com", "\u00fc@example.com", "\u0430da@example.com"),
        *("a\u200bb@example.com", "a\u202eb@example.com", "a@x\u202e.example", "a@\u00fc\ud800.example"),
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
