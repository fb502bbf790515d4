"""What the session routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.sessions.service import SessionService


async def _sessions(request: Request) -> SessionService:
    service: SessionService = request.state.sessions
    return service


Sessions = Annotated[SessionService, Depends(_sessions)]
