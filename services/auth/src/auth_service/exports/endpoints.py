"""The routes of exports."""

from typing import Annotated

from fastapi import APIRouter, Path

from auth_service.erasures.dependencies import CallingNetwork
from auth_service.exports.dependencies import Exports
from auth_service.exports.schemas import ExportRead, ExportRequested
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/auth/me/export", tags=["auth"])


@router.post("", status_code=202)
async def request_export(exports: Exports, user: CurrentUser, network: CallingNetwork) -> ExportRequested:
    """Have a copy made of everything that is kept of the caller; needs a sign-in within the last ten minutes.

    One at a time, and two a day.
    """
    return await exports.request(user, network)


@router.get("/{job}")
async def read_export(
    job: Annotated[str, Path(min_length=1, max_length=64)], exports: Exports, user: CurrentUser
) -> ExportRead:
    """Say how far a copy is, and give a link to it when it is ready."""
    return await exports.read(user, job)
