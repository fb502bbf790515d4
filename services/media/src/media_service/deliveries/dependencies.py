"""What routes describe files with."""

from typing import Annotated

from fastapi import Depends, Request

from media_service.deliveries.service import DeliveryService


async def _deliveries(request: Request) -> DeliveryService:
    service: DeliveryService = request.state.deliveries
    return service


Deliveries = Annotated[DeliveryService, Depends(_deliveries)]
