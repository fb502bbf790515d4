"""The public routes: everything that a service answers."""

from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from gateway_service.routes.domain import find_route
from gateway_service.routes.service import ProxyService


class PublicRoute(BaseRoute):
    """All of them at once. Being asked the most, it stands before the gateway's own, and goes by the path alone."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a service answers the request. There is no socket here but the one of `sockets`."""
        route = find_route(scope["path"]) if scope["type"] == "http" else None
        return (Match.FULL, {"route": route}) if route else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        proxy: ProxyService = scope["state"]["proxy"]
        response = await proxy.answer(scope["route"], Request(scope, receive))
        await response(scope, receive, send)
