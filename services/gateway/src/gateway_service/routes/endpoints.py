"""The ASGI app under `/v1`: HTTP goes to the services, the socket's path to the sockets."""

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from gateway_service.routes.service import ProxyService
from gateway_service.sockets.endpoints import REALTIME_PATH, realtime
from servicekit.errors import NotFound


async def public(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what comes to `/v1`."""
    if scope["type"] == "websocket":
        await realtime(scope, receive, send)
        return
    if scope["path"] == REALTIME_PATH:
        raise NotFound("This is a WebSocket route: connect with the subprotocol messenger.v1.")
    proxy: ProxyService = scope["state"]["proxy"]
    response = await proxy.answer(Request(scope, receive))
    await response(scope, receive, send)
