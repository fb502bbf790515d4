"""Finds the service of pins for a request."""

from typing import Annotated

from fastapi import Depends, Request

from chat_service.pins.service import PinService


async def _pins(request: Request) -> PinService:
    pins: PinService = request.state.pins
    return pins


Pins = Annotated[PinService, Depends(_pins)]
