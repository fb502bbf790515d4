"""The gateway knows the way to every public route, and leaves open what the service behind it leaves open."""

import re
from collections.abc import Iterator
from pathlib import Path

from gateway_service.routes.domain import CHAT, SYNC, find_route
from servicekit.documents import EDGE, discover
from servicekit.openapi import Audience, Endpoint


def _public(root: Path) -> Iterator[tuple[str, Endpoint]]:
    for service in discover(root):
        if service.name != EDGE:
            yield from ((service.name, each) for each in service.api.endpoints if each.path.startswith("/v1/"))


def test_every_public_route_is_reached_with_the_right_demand(root: Path) -> None:
    for service, endpoint in _public(root):
        route = find_route(re.sub(r"\{\w+\}", "x", endpoint.path))

        assert route, f"{endpoint.path} is not reached"
        behind = CHAT if route.service == SYNC else route.service
        assert (behind, route.open) == (service, endpoint.audience is Audience.ANYONE), endpoint.path
