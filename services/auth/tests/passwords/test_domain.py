"""Which passwords are good enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_service.passwords.domain import (
    CONTROLS,
    EDGE_SPACE,
    TOO_COMMON,
    TOO_PERSONAL,
    check_password,
    common_passwords,
    normal,
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


@pytest.mark.parametrize("control", "\n\t\0\x7f\x85")
def test_one_that_no_keyboard_can_be_trusted_with(control):
    assert check_password(f"correct horse{control}battery") == CONTROLS


@pytest.mark.parametrize(
    "typed", ["cre\u0300me bru\u0302le\u0301e", "cr\u00e8me\u00a0br\u00fbl\u00e9e", "cr\u00e8me br\u00fbl\u00e9e"]
)
def test_one_has_one_form_whatever_device_it_is_typed_on(typed):
    assert normal(typed) == "crème brûlée"


@given(st.text())
def test_the_form_is_its_own(password):
    assert normal(normal(password)) == normal(password)


def test_a_lone_surrogate_is_no_password():
    with pytest.raises(ValueError, match="surrogates"):
        normal("correct horse \ud800")


def test_the_list_is_folded_and_large():
    listed = common_passwords()
    assert len(listed) > 39_000
    assert {"password", "qwerty", "letmein"} <= listed
    assert all(word == word.casefold() and len(word) >= 4 for word in listed)


@given(st.text(min_size=12, max_size=40))
def test_every_password_gets_a_verdict(password):
    assert check_password(password, ADA) in {None, CONTROLS, EDGE_SPACE, TOO_COMMON, TOO_PERSONAL}


@given(st.sampled_from(sorted(filter(str.isalpha, common_passwords()))), st.text("0123456789!?.", max_size=6))
def test_a_common_word_stays_common_with_digits_and_signs_after_it(word, after):
    assert check_password(word.upper() + after) == TOO_COMMON
