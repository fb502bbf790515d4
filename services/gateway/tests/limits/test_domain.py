"""Where a request is said to come from, and whose secret it tries."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_service.limits.domain import account_of, body_of, client_address, origin_of

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "1.1.1.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.4", "198.51.100.4"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.4", "198.51.100.4"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.4, 10.2.2.2", "198.51.100.4"),
        ("10.0.0.1", "1.1.1.1,fd00::2", "1.1.1.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, nonsense, 10.2.2.2", "10.2.2.2"),
        ("unknown", "1.1.1.1", "unknown"),
    ],
)
def test_only_proxies_of_ours_are_believed(peer, forwarded, address) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


@given(st.text())
def test_whatever_a_client_claims_it_is_counted_as_itself(claim) -> None:
    assert client_address("10.0.0.1", f"{claim}, 198.51.100.4", PROXIES) == "198.51.100.4"


def test_the_addresses_of_one_subscriber_count_together() -> None:
    assert origin_of("2001:db8:1:2::1") == origin_of("2001:db8:1:2:ffff::9") != origin_of("2001:db8:1:3::1")
    assert origin_of("203.0.113.7") != origin_of("203.0.113.8")
    assert origin_of("unknown") == "unknown"


def test_an_account_goes_by_one_name_however_it_is_written() -> None:
    named = account_of({"login": " Ada@Example.com", "password": "x"})
    assert named == account_of({"email": "ada@example.com"})
    assert "ada" not in named


def test_a_proof_stands_for_an_account_where_the_body_names_none() -> None:
    proof = account_of({"code": "123456"}, "v4.local.sealed")
    assert proof is not None
    assert "sealed" not in proof
    assert proof == account_of({"code": "000000"}, "v4.local.sealed") != account_of({"code": "123456"}, "v4.local.x")
    assert account_of({"login": "ada"}, "v4.local.sealed") == account_of({"login": "ada"})


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner)))
def test_what_names_nobody_is_counted_for_nobody(value) -> None:
    assert account_of({"password": "x", "other": value}) is None
    assert account_of({"login": [value]}) is None


@given(st.binary())
def test_any_bytes_are_a_body(content) -> None:
    assert isinstance(body_of(content), dict)
