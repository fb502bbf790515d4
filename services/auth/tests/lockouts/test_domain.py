"""What a wrong try costs, and where it comes from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_service.federations.domain import PROOF_SECONDS
from auth_service.lockouts.domain import CODE, MAIL, PASSWORD, PROOF, network_of, subject_of


def test_the_delays_begin_late_and_grow_to_an_end():
    assert [PASSWORD.after(tries) for tries in (1, 4, 5, 6, 7, 12, 13, 1000)] == [0, 0, 5, 10, 20, 640, 900, 900]


def test_the_second_mail_waits_and_the_first_does_not():
    assert [MAIL.after(mails) for mails in (0, 1, 2, 3, 50)] == [0, 30, 60, 120, 3600]


def test_a_proof_bears_five_tries_for_as_long_as_it_is_good():
    assert [PROOF.after(tries) for tries in range(5)] == [0] * 5
    assert PROOF.after(5) >= PROOF_SECONDS


@given(st.sampled_from([PASSWORD, CODE, MAIL, PROOF]), st.integers(0, 10**6))
def test_no_delay_is_shorter_than_the_one_before(delays, tries):
    assert delays.after(tries) <= delays.after(tries + 1) <= delays.longest


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:0:1234:5678::1", "2001:db8::/48"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_the_network_of_an_address(address, network):
    assert network_of(address) == network


def test_a_login_is_not_kept_in_clear():
    assert "ada" not in subject_of("ada@example.com")
    assert subject_of("ada@example.com") != subject_of("bob@example.com")
