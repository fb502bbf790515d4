"""The ASGI app under `/v1`: everything that a service answers."""

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from gateway_service.routes.service import ProxyService


async def public(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request to a public route. There is no socket here but the one of `sockets`."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    proxy: ProxyService = scope["state"]["proxy"]
    response = await proxy.answer(Request(scope, receive))
    await response(scope, receive, send)
