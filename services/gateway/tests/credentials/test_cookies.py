"""How cookies are dressed for browsers and undressed for services."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_service.credentials.cookies import cookie, dress, undress


def test_a_cookie_leaves_with_all_that_makes_it_safe() -> None:
    dressed = dress("session=abc; Max-Age=60; Domain=evil.example; SameSite=None")
    assert dressed == "__Host-session=abc; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax"


def test_services_hear_of_our_cookies_but_the_session() -> None:
    header = "theme=dark; __Host-session=secret; __Host-device=d; __Host-oidc=o"
    assert undress(header) == "device=d; oidc=o"


@pytest.mark.parametrize(
    "header", [None, "", "session=abc", "x__Host-session=abc", "__Host-session", "__Host-session="]
)
def test_what_is_not_ours_is_no_cookie(header) -> None:
    assert cookie(header, "session") is None


@given(st.text(), st.text(alphabet="abc.-_0", min_size=1))
def test_our_cookie_is_found_among_any_others(noise, value) -> None:
    before = noise.replace("__Host-session", "")
    assert cookie(f"{before}; __Host-session={value}; b=c", "session") == value
