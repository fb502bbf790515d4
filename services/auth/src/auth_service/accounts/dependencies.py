"""What the account routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.accounts.service import AccountService


async def _accounts(request: Request) -> AccountService:
    service: AccountService = request.state.accounts
    return service


Accounts = Annotated[AccountService, Depends(_accounts)]
