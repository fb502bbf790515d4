"""What a request is counted under: where it comes from, and whose secret it tries."""

from collections.abc import Sequence
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import orjson

from messenger_contracts.browsers import KnownDevice, login_mark

Network = IPv4Network | IPv6Network
_NAMES = ("login", "email", "username")
"""Members of a body that name an account."""
_PROOFS = ("flow", "refresh_token")
"""Members that stand for one, sealed: each is counted by itself."""
_SUBSCRIBER = 64
"""Bits of an IPv6 address that tell networks apart; the others its owner chooses."""


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """The address of the client.

    `X-Forwarded-For` grows to the right, by the address that each proxy was asked from. So it is believed from the
    right, as long as what said it is a proxy of ours; what any client wrote stands left of that.
    """
    address = peer
    for claimed in reversed(forwarded.split(",")) if forwarded else ():
        if not _is_proxy(address, proxies) or _parse(claimed.strip()) is None:
            break
        address = claimed.strip()
    return address


def origin_of(address: str) -> str:
    """What an address is counted under: of IPv6, the network that one subscriber has to itself."""
    parsed = _parse(address)
    if parsed is None or parsed.version == 4:
        return address
    return str(ip_network((parsed, _SUBSCRIBER), strict=False))


def body_of(content: bytes) -> dict[str, Any]:
    """The members of a request's body; none for what is no JSON object, which the service will refuse."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def account_of(body: dict[str, Any], proof: str | None = None) -> str | None:
    """What stands for the account whose secret is tried. Never the name itself: Valkey needs not know it.

    `proof` is a cookie that stands for one, where the body has no more than a code.
    """
    for name in _NAMES:
        if isinstance(value := body.get(name), str):
            return login_mark(value)
    for name in _PROOFS:
        if isinstance(value := body.get(name), str):
            return sha256(value.encode()).hexdigest()
    return sha256(proof.encode()).hexdigest() if proof else None


def device_of(body: dict[str, Any], cookie: str | None) -> str | None:
    """The token of the device that asks."""
    token = body.get("device_token")
    return token if isinstance(token, str) else cookie


def is_at_home(device: KnownDevice, account: str) -> bool:
    """Whether somebody has signed in to the account on the device."""
    return account in device.logins or account in device.people


def _is_proxy(address: str, proxies: Sequence[Network]) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in proxies)


def _parse(address: str) -> Any:
    try:
        return ip_address(address)
    except ValueError:
        return None
