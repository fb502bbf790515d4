"""Builds the service of search for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.search.repository import SearchRepository
from chat_service.search.service import SearchService
from servicekit.postgres import ReadSession


async def _search(request: Request, session: ReadSession) -> SearchService:
    state = request.state
    return SearchService(session, SearchRepository(), state.memberships, state.search_cursors, state.files)


Searching = Annotated[SearchService, Depends(_search)]
