"""Passwords, put together, and what their routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.lockouts.service import LockoutService
from auth_service.passwords.service import PasswordService
from auth_service.sessions.ends import SessionEnds
from auth_service.sessions.renewals import SessionRenewals
from auth_service.user_pool.repository import UserPool
from servicekit.keys import KeyRing
from servicekit.tokens import Tokens


def make_passwords(
    flows: KeyRing,
    pool: UserPool,
    accounts: AccountService,
    renewals: SessionRenewals,
    ends: SessionEnds,
    lockouts: LockoutService,
    log: SecurityLog,
) -> PasswordService:
    """What replaces and changes passwords."""
    return PasswordService(
        pool=pool,
        accounts=accounts,
        renewals=renewals,
        ends=ends,
        lockouts=lockouts,
        log=log,
        flows=Tokens(flows, "password_reset_session"),
    )


async def _passwords(request: Request) -> PasswordService:
    service: PasswordService = request.state.passwords
    return service


Passwords = Annotated[PasswordService, Depends(_passwords)]
