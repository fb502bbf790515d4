"""What auth asks when it erases a person."""

from fastapi import APIRouter

from media_service.erasures.dependencies import RemainsOf
from messenger_contracts.personal_data import Remains
from servicekit.identity import CallingService

router = APIRouter()


@router.get("/erasures/{user_id}")
async def remains(user_id: str, service: RemainsOf, caller: CallingService) -> Remains:
    """Say what is left of a person."""
    return await service.of(user_id)
