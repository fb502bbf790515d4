"""The routes of passwords."""

from fastapi import APIRouter

from auth_service.lockouts.domain import network_of
from auth_service.passwords.dependencies import Passwords
from auth_service.passwords.schemas import ChangePassword, ForgotPassword, ForgottenPassword, ResetPassword
from auth_service.sessions.dependencies import CallingClient
from servicekit.identity import CurrentUser

router = APIRouter(prefix="/v1/auth/password", tags=["auth"])


@router.post("/forgot", status_code=202)
async def forgot(wish: ForgotPassword, passwords: Passwords) -> ForgottenPassword:
    """Mail a code for a new password. The answer is the same whether or not the login is anybody's."""
    return await passwords.forgot(wish.login)


@router.post("/reset", status_code=204)
async def reset(wish: ResetPassword, passwords: Passwords, client: CallingClient) -> None:
    """Set a new password by the mailed code. It ends all sessions of the account."""
    await passwords.reset(wish, network_of(client.address))


@router.post("/change", status_code=204)
async def change(wish: ChangePassword, passwords: Passwords, user: CurrentUser, client: CallingClient) -> None:
    """Set a new password by the old one. It ends all other sessions of the account."""
    await passwords.change(user, wish, network_of(client.address))
