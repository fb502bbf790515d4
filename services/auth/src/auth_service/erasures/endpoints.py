"""The routes of erasures."""

from fastapi import APIRouter

from auth_service.erasures.dependencies import CallingNetwork, Erasures
from auth_service.erasures.schemas import ErasureRead, ErasureRequested, Receipt
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/auth", tags=["auth"])


@router.delete("/me", status_code=202)
async def erase_me(erasures: Erasures, user: CurrentUser, network: CallingNetwork) -> ErasureRequested:
    """Delete the account and everything of its person, for good; needs a sign-in within the last ten minutes.

    The account is shut at once: sessions end, and sockets close with 4003. What was written to others becomes
    tombstones. The receipt shows how far it is.
    """
    return await erasures.request(user, network)


@router.get("/erasures/{receipt}")
async def erasure(receipt: Receipt, erasures: Erasures) -> ErasureRead:
    """Say what became of an erasure. It needs the receipt alone, because there is no account to sign in to."""
    return await erasures.state(receipt)
