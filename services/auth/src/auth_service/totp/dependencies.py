"""Authenticators, put together, and what their routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.audits.service import SecurityLog
from auth_service.challenges.service import ChallengeService
from auth_service.lockouts.service import LockoutService
from auth_service.recovery_codes.service import RecoveryCodeService
from auth_service.sessions.renewals import SessionRenewals
from auth_service.totp.service import TotpService
from auth_service.user_pool.repository import UserPool
from servicekit.keys import KeyRing
from servicekit.tokens import Tokens


def make_totp(
    flows: KeyRing,
    pool: UserPool,
    renewals: SessionRenewals,
    challenges: ChallengeService,
    recovery: RecoveryCodeService,
    lockouts: LockoutService,
    log: SecurityLog,
) -> TotpService:
    """What sets authenticators up."""
    return TotpService(
        pool=pool,
        renewals=renewals,
        challenges=challenges,
        recovery=recovery,
        lockouts=lockouts,
        log=log,
        flows=Tokens(flows, "totp_enrolment_session"),
    )


async def _totp(request: Request) -> TotpService:
    service: TotpService = request.state.totp
    return service


Totp = Annotated[TotpService, Depends(_totp)]
