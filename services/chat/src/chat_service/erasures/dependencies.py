"""Builds what tells of erasures for a request."""

from typing import Annotated

from fastapi import Depends

from chat_service.erasures.repository import ErasureRepository
from chat_service.erasures.service import RemainsService
from servicekit.postgres import ReadSession


async def _remains(session: ReadSession) -> RemainsService:
    return RemainsService(session, ErasureRepository())


RemainsOf = Annotated[RemainsService, Depends(_remains)]
