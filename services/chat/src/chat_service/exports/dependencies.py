"""Builds the service of exports for a request."""

from typing import Annotated

from fastapi import Depends

from chat_service.exports.repository import ExportRepository
from chat_service.exports.service import ExportService
from servicekit.postgres import ReadSession


async def _exports(session: ReadSession) -> ExportService:
    return ExportService(session, ExportRepository())


Exports = Annotated[ExportService, Depends(_exports)]
