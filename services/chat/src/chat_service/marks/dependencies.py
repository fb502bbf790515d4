"""Builds the services of marks for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.marks.service import MarkService


async def _marks(request: Request) -> MarkService:
    marks: MarkService = request.state.marks
    return marks


Marks = Annotated[MarkService, Depends(_marks)]
