"""Builds the look-up of people for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.people.service import PeopleService
from messenger_contracts.identity import IDENTITY_HEADER


async def _people(request: Request) -> PeopleService:
    return PeopleService(request.state.auth, request.state.known_people, request.headers[IDENTITY_HEADER])


People = Annotated[PeopleService, Depends(_people)]
