"""What the erasure routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from notification_service.erasures.service import ErasureService


async def _erasures(request: Request) -> ErasureService:
    service: ErasureService = request.state.erasures
    return service


Erasures = Annotated[ErasureService, Depends(_erasures)]
