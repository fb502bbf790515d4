"""The routes of accounts."""

from typing import Annotated

from fastapi import APIRouter, Query

from auth_service.accounts.dependencies import Accounts
from auth_service.accounts.schemas import (
    Person,
    ResendCode,
    SignedUp,
    SignUp,
    Username,
    UsernameAvailability,
    VerifyEmail,
)

router = APIRouter(prefix="/v1/auth", tags=["auth"])
internal = APIRouter()


@router.post("/sign-up", status_code=201)
async def sign_up(wish: SignUp, accounts: Accounts) -> SignedUp:
    """Make an account and mail a code to its address. The answer is the same whether or not the address has one."""
    return await accounts.sign_up(wish)


@router.post("/verify-email", status_code=204)
async def verify_email(proof: VerifyEmail, accounts: Accounts) -> None:
    """Verify the address of a sign-up by the mailed code."""
    await accounts.verify_email(proof.flow, proof.code)


@router.post("/verify-email/resend", status_code=204)
async def resend_code(wish: ResendCode, accounts: Accounts) -> None:
    """Mail another code for a sign-up."""
    await accounts.resend(wish.flow)


@router.get("/username-available")
async def username_available(username: Annotated[Username, Query()], accounts: Accounts) -> UsernameAvailability:
    """Say whether one could sign up with a username now."""
    return UsernameAvailability(username=username, available=await accounts.is_available(username))


@internal.get("/people")
async def person(
    accounts: Accounts, user_id: Annotated[str, Query(alias="id", min_length=1, max_length=128)]
) -> Person:
    """Tell another service who has an id."""
    return await accounts.person(user_id)
