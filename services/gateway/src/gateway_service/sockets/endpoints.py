"""The socket's route: handshake, then frames until one side ends it."""

from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway_service.credentials.domain import Session
from gateway_service.credentials.errors import SessionOver
from gateway_service.credentials.service import CredentialService
from gateway_service.routes.service import address_of
from gateway_service.sockets.service import SocketService
from messenger_contracts.realtime import SUBPROTOCOL, CloseCode
from servicekit.errors import NotFound, ServiceError, TokenExpired, ValidationFailed, problem_response
from servicekit.middleware import header
from servicekit.telemetry import TRACEPARENT, Tracing

REALTIME_PATH = "/v1/realtime"
_VERDICTS: dict[type[ServiceError], CloseCode] = {
    TokenExpired: CloseCode.CREDENTIALS_EXPIRED,
    SessionOver: CloseCode.SESSION_REVOKED,
}


router = APIRouter(tags=["realtime"])


@router.get(REALTIME_PATH, status_code=101, response_class=Response)
async def upgrade() -> Response:
    """Open the realtime socket: a WebSocket with the subprotocol `messenger.v1`.

    Credentials are `Authorization: Bearer`, the session cookie together with an `Origin` of our own, or `?ticket=` from
    `POST /v1/auth/realtime-ticket`.
    """
    raise NotFound("This is a WebSocket route: connect with the subprotocol messenger.v1.")


class Realtime:
    """The WebSocket at the same path, as plain ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client. Without credentials it is refused with 401; with old ones it is told why by close code."""
        tracing: Tracing = scope["state"]["tracing"]
        with tracing.work("realtime", header(scope, TRACEPARENT.encode())):
            await receive()
            try:
                _require_subprotocol(scope)
                session = await _authenticate(scope)
            except ServiceError as error:
                await _refuse(error, scope, send)
                return
            cookies = [(b"set-cookie", each.encode()) for each in session.cookies]
            await send({"type": "websocket.accept", "subprotocol": _subprotocol(scope), "headers": cookies})
            await _serve(scope["state"]["sockets"], session, receive, send)


async def _authenticate(scope: Scope) -> Session:
    credentials: CredentialService = scope["state"]["credentials"]
    ticket = parse_qs(scope["query_string"].decode("latin-1")).get("ticket")
    if ticket:
        return await credentials.ticket(ticket[0])
    connection = HTTPConnection(scope)
    return await credentials.of_handshake(connection.headers, address_of(connection, scope["state"]["proxies"]))


async def _refuse(error: ServiceError, scope: Scope, send: Send) -> None:
    verdict = _VERDICTS.get(type(error))
    if verdict is not None:
        await send({"type": "websocket.accept", "subprotocol": _subprotocol(scope)})
        await send({"type": "websocket.close", "code": int(verdict)})
        return
    response = problem_response(error, scope["path"])
    await send(
        {
            "type": "websocket.http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": bytes(response.body)})


def _require_subprotocol(scope: Scope) -> None:
    """Refuse a client that speaks other protocols alone; one that names none is taken at its word."""
    offered = scope.get("subprotocols", ())
    if offered and SUBPROTOCOL not in offered:
        raise ValidationFailed(f"The subprotocol is {SUBPROTOCOL}.")


def _subprotocol(scope: Scope) -> str | None:
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None


async def _serve(sockets: SocketService, session: Session, receive: Receive, send: Send) -> None:
    socket = await sockets.open(session, send)
    try:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            await sockets.receive(socket, message.get("text"))
    finally:
        await sockets.leave(socket)
