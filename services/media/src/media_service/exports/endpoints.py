"""What auth asks when it makes a copy of a person's data."""

from typing import Annotated

from fastapi import APIRouter, Query

from media_service.exports.dependencies import Exports
from messenger_contracts.personal_data import PersonalPage
from servicekit.identity import CallingService

router = APIRouter()


@router.get("/exports/{user_id}")
async def page(
    user_id: str,
    exports: Exports,
    caller: CallingService,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> PersonalPage:
    """Give what is kept of a person, a page at a time, the files last; a page may be empty and yet have a next."""
    return await exports.page(user_id, cursor, limit)
