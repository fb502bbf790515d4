"""What auth asks when it erases a person."""

from fastapi import APIRouter

from messenger_contracts.personal_data import Remains
from notification_service.erasures.dependencies import Erasures
from servicekit.identity import CallingService

router = APIRouter()


@router.get("/erasures/{user_id}")
async def remains(user_id: str, erasures: Erasures, caller: CallingService) -> Remains:
    """Say what is left of a person."""
    return await erasures.left(user_id)
