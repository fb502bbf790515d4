"""What the session routes are given."""

from typing import Annotated

from fastapi import Depends, Request, Response

from auth_service.sessions.models import Client
from auth_service.sessions.renewals import SessionRenewals
from auth_service.sessions.service import Begun, SessionService
from messenger_contracts.browsers import DEVICE_COOKIE, SESSION_COOKIE

_MOST_HEADER = 512


async def _sessions(request: Request) -> SessionService:
    service: SessionService = request.state.sessions
    return service


async def _renewals(request: Request) -> SessionRenewals:
    renewals: SessionRenewals = request.state.renewals
    return renewals


async def _client(request: Request) -> Client:
    """Only the gateway reaches this service, so what it says of its client is so."""
    headers = request.headers
    return Client(
        address=headers.get("x-client-address", "")[:_MOST_HEADER],
        agent=headers.get("user-agent", "")[:_MOST_HEADER],
        device=request.cookies.get(DEVICE_COOKIE),
    )


Sessions = Annotated[SessionService, Depends(_sessions)]
Renewals = Annotated[SessionRenewals, Depends(_renewals)]
CallingClient = Annotated[Client, Depends(_client)]


def give_cookies(response: Response, begun: Begun) -> None:
    """Have a browser keep its session and its device. The gateway adds what makes the cookies safe."""
    for name, (value, seconds) in begun.cookies.items():
        response.headers.append("set-cookie", f"{name}={value}; Max-Age={seconds}")


def take_session(response: Response) -> None:
    """Have a browser forget its session."""
    response.headers.append("set-cookie", f"{SESSION_COOKIE}=; Max-Age=0")
