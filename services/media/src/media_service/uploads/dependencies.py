"""What the routes of uploads work with."""

from typing import Annotated

from fastapi import Depends, Request

from media_service.uploads.service import UploadService


async def _uploads(request: Request) -> UploadService:
    service: UploadService = request.state.uploads
    return service


Uploads = Annotated[UploadService, Depends(_uploads)]
