"""Finds the service of invites for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.invites.service import InviteService


async def _invites(request: Request) -> InviteService:
    invites: InviteService = request.state.invites
    return invites


Invites = Annotated[InviteService, Depends(_invites)]
