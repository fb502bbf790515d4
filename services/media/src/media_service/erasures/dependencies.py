"""What the erasure routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from media_service.erasures.service import RemainsService


async def _remains(request: Request) -> RemainsService:
    service: RemainsService = request.state.remains
    return service


RemainsOf = Annotated[RemainsService, Depends(_remains)]
