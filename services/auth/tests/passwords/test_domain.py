"""Which passwords are good enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_service.passwords.domain import (
    EDGE_SPACE,
    TOO_COMMON,
    TOO_PERSONAL,
    check_password,
    common_passwords,
)

ADA = ("ada.byron", "ada.byron@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "wrong horse battery",
        "Zwölf Boxkämpfer",
        "k9#Lq2!vTz0p",
        "ада любит числа",
        "another password",
    ],
)
def test_a_good_one(password):
    assert check_password(password, ADA) is None


@pytest.mark.parametrize(
    "password",
    [
        *("password1234", "Password2024!!", "P@ssw0rd!2024", "...dragonfly...", "1qaz2wsx3edc", "qwertyuiop123"),
        *("passwordpassword", "letmein letmein", "aaaaaaaaaaaab", "xxxxxxxxxxxx", "123456789012", "987654321098"),
        *("abcdefghijklmnop", "Passwort12345!"),
    ],
)
def test_one_that_programs_try_first(password):
    assert check_password(password) == TOO_COMMON


@pytest.mark.parametrize(
    "password", ["ada.byron1815", "Ada.Byron@Example.com", "ada.byronada.byron", "x ada.byron x", "2024ada.byron!"]
)
def test_one_that_the_account_gives_away(password):
    assert check_password(password, ADA) == TOO_PERSONAL


def test_a_name_within_a_long_password_does_no_harm():
    assert check_password("ada.byron counts on engines", ADA) is None
    assert check_password("bob has twelve", ["bob", "bob@example.com"]) is None


@pytest.mark.parametrize("password", [" correct horse battery", "correct horse battery\t"])
def test_one_that_cognito_would_not_take(password):
    assert check_password(password) == EDGE_SPACE


def test_the_list_is_folded_and_large():
    listed = common_passwords()
    assert len(listed) > 39_000
    assert {"password", "qwerty", "letmein"} <= listed
    assert all(word == word.casefold() and len(word) >= 4 for word in listed)


@given(st.text(min_size=12, max_size=40))
def test_every_password_gets_a_verdict(password):
    assert check_password(password, ADA) in {None, EDGE_SPACE, TOO_COMMON, TOO_PERSONAL}


@given(st.sampled_from(sorted(filter(str.isalpha, common_passwords()))), st.text("0123456789!?.", max_size=6))
def test_a_common_word_stays_common_with_digits_and_signs_after_it(word, after):
    assert check_password(word.upper() + after) == TOO_COMMON
