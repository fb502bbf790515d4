"""Challenges, put together."""

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.challenges.service import ChallengeService
from auth_service.lockouts.service import LockoutService
from auth_service.recovery_codes.service import RecoveryCodeService
from auth_service.user_pool.repository import UserPool
from servicekit.keys import KeyRing
from servicekit.tokens import Tokens


def make_challenges(
    flows: KeyRing,
    pool: UserPool,
    accounts: AccountService,
    recovery: RecoveryCodeService,
    lockouts: LockoutService,
    log: SecurityLog,
) -> ChallengeService:
    """What asks for the second proof."""
    return ChallengeService(
        pool=pool,
        accounts=accounts,
        recovery=recovery,
        lockouts=lockouts,
        log=log,
        flows=Tokens(flows, "totp_challenge_session"),
    )
