"""The routes of authenticators."""

from fastapi import APIRouter

from auth_service.lockouts.domain import network_of
from auth_service.sessions.dependencies import CallingClient
from auth_service.totp.dependencies import Totp
from auth_service.totp.schemas import RecoveryCodes, TotpSecret, TotpSetUp, TotpTakeOff, TotpVerify
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/auth/totp", tags=["auth"])


@router.post("")
async def set_up(wish: TotpSetUp, totp: Totp, user: CurrentUser, client: CallingClient) -> TotpSecret:
    """Begin with an authenticator, or with another: that gives new recovery codes too. Needs the password."""
    return await totp.set_up(user, wish, network_of(client.address))


@router.post("/verify")
async def verify(wish: TotpVerify, totp: Totp, user: CurrentUser, client: CallingClient) -> RecoveryCodes:
    """Put an authenticator to use by its first code. Sign-ins ask for one from then on."""
    return await totp.verify(user, wish, network_of(client.address))


@router.delete("", status_code=204)
async def take_off(wish: TotpTakeOff, totp: Totp, user: CurrentUser, client: CallingClient) -> None:
    """Do without the authenticator. Needs the password and a code, which may be a recovery code."""
    await totp.take_off(user, wish, network_of(client.address))
