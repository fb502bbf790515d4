"""What the export routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from media_service.exports.service import ExportService


async def _exports(request: Request) -> ExportService:
    service: ExportService = request.state.exports
    return service


Exports = Annotated[ExportService, Depends(_exports)]
