"""The routes of accounts."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

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
async def people(
    accounts: Accounts,
    user_ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=128)]], Query(alias="id", min_length=1, max_length=100)
    ],
) -> Person | list[Person]:
    """Tell another service who has an id; of several ids, a list of the people whom there are."""
    if len(user_ids) == 1:
        return await accounts.person(user_ids[0])
    return await accounts.people(user_ids)
