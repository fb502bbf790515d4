"""Which addresses are anybody's, range by range of the special-purpose registries."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_service.previews.domain import is_public

PRIVATE = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32"),
    *("::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64"),
    *("100:0:0:1::/64", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001::/23", "2001:db8::/32"),
    *("2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fd00:ec2::254/128", "fe80::/10"),
    *("fec0::/10", "ff00::/8", "4000::/3", "8000::/1"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255"),
    *("192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::", "2001:4860:4860::8888"),
    *("2003::", "2400:cb00::1", "2606:4700:4700::1111", "2a00:1450::1", "3ffe:ffff::"),
]


@pytest.mark.parametrize("network", PRIVATE)
def test_a_special_range_is_not_public_from_end_to_end(network: str) -> None:
    addresses = ip_network(network)
    middle = addresses[addresses.num_addresses // 2]
    assert not any(map(is_public, (addresses[0], middle, addresses[-1])))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_lies_beside_the_special_ranges_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_no_wrapping_makes_an_address_public(address: IPv4Address) -> None:
    number = int(address)
    mapped, nat64, compatible = (IPv6Address(number | prefix) for prefix in (0xFFFF << 32, 0x64FF9B << 96, 0))
    six_to_four = IPv6Address(0x2002 << 112 | number << 80 | 1)
    teredo = IPv6Address(0x20010000 << 96 | (number ^ 0xFFFFFFFF))
    assert not any(map(is_public, (mapped, nat64, compatible, six_to_four, teredo)))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_takes_for_special(address: IPv4Address | IPv6Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
        assert not is_public(address)


def test_an_address_of_one_link_is_not_public() -> None:
    assert not is_public(ip_address("2606:4700::1111%eth0"))
