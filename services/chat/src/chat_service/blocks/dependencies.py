"""Builds the services of blocks for a request."""

from typing import Annotated

from fastapi import Depends

from chat_service.blocks.repository import BlockRepository
from chat_service.blocks.service import RelationService
from servicekit.postgres import ReadSession


async def _reader(session: ReadSession) -> RelationService:
    return RelationService(session, BlockRepository())


ReadRelations = Annotated[RelationService, Depends(_reader)]
