"""Sets an authenticator up and takes it off.

Both take the proofs that a sign-in would, at that moment: whoever finds an unlocked device can neither lock its owner
out by an authenticator of their own, nor take the owner's off.
"""

import time

from auth_service.audits.service import SecurityLog
from auth_service.challenges.errors import CodeDue, WrongAnswer
from auth_service.challenges.service import ChallengeService
from auth_service.lockouts.domain import CODE, PASSWORD
from auth_service.lockouts.service import LockoutService
from auth_service.recovery_codes.domain import shows
from auth_service.recovery_codes.service import RecoveryCodeService
from auth_service.sessions.renewals import SessionRenewals
from auth_service.totp.domain import otpauth_uri
from auth_service.totp.errors import NothingToTakeOff, WrongPassword
from auth_service.totp.schemas import RecoveryCodes, TotpSecret, TotpSetUp, TotpTakeOff, TotpVerify
from auth_service.user_pool.errors import Refused, WrongCode
from auth_service.user_pool.models import Challenge, Grant
from auth_service.user_pool.repository import UserPool
from messenger_contracts.events.auth import TotpDisabled, TotpEnabled
from messenger_contracts.identity import Principal
from servicekit.errors import Unauthenticated
from servicekit.tokens import Tokens

FLOW_SECONDS = 600.0


class TotpService:
    """The authenticators of people."""

    def __init__(
        self,
        *,
        pool: UserPool,
        renewals: SessionRenewals,
        challenges: ChallengeService,
        recovery: RecoveryCodeService,
        lockouts: LockoutService,
        log: SecurityLog,
        flows: Tokens,
    ) -> None:
        self._pool = pool
        self._renewals = renewals
        self._challenges = challenges
        self._recovery = recovery
        self._lockouts = lockouts
        self._log = log
        self._flows = flows

    async def set_up(self, person: Principal, wish: TotpSetUp, network: str) -> TotpSecret:
        """Give the secret of a new authenticator. One that is there stays good until `verify`."""
        challenge = await self._prove_password(person, wish.password.get_secret_value(), network)
        if challenge:
            if wish.code is None:
                raise CodeDue
            await self._discard(await self._challenges.answer(challenge, wish.code, network))
        secret = await self._pool.begin_totp(await self._renewals.access_token(person))
        flow = await self._flows.make({"user_id": person.user_id, "secret": secret}, FLOW_SECONDS)
        return TotpSecret(secret=secret, uri=otpauth_uri(person.username, secret), flow=flow)

    async def verify(self, person: Principal, wish: TotpVerify, network: str) -> RecoveryCodes:
        """Ask for the authenticator's code from now on, and give the codes for its loss.

        Cognito takes a code of the newest secret, whichever the flow is of: recovery codes of another open nothing.

        In this order: the sign-in asks for a code only when there are recovery codes for it. Where the last step
        fails, the same wish can be sent again.
        """
        claims = await self._flows.read(wish.flow)
        if claims["user_id"] != person.user_id:
            raise Unauthenticated("The token is not valid.")
        async with self._lockouts.attempt(CODE, person.user_id, network):
            if not shows(claims["secret"], wish.code, time.time()):
                raise WrongAnswer
            try:
                await self._pool.confirm_totp(await self._renewals.access_token(person), wish.code)
            except WrongCode as error:
                raise WrongAnswer from error
        codes = await self._recovery.replace(person.user_id, claims["secret"])
        await self._pool.demand_totp(person.username, demand=True)
        await self._log.write(TotpEnabled(user_id=person.user_id, network=network or None))
        return RecoveryCodes(recovery_codes=codes)

    async def take_off(self, person: Principal, wish: TotpTakeOff, network: str) -> None:
        """Ask for no code any more, and void the recovery codes."""
        challenge = await self._prove_password(person, wish.password.get_secret_value(), network)
        if challenge is None:
            raise NothingToTakeOff
        await self._discard(await self._challenges.answer(challenge, wish.code, network))
        await self._pool.demand_totp(person.username, demand=False)
        await self._log.write(TotpDisabled(user_id=person.user_id, network=network or None))
        await self._recovery.forget(person.user_id)

    async def _prove_password(self, person: Principal, password: str, network: str) -> Challenge | None:
        """The challenge that the right password meets, if the account has an authenticator."""
        async with self._lockouts.attempt(PASSWORD, person.username, network):
            try:
                return await self._pool.prove(person.username, password)
            except Refused as error:
                raise WrongPassword from error

    async def _discard(self, grant: Grant) -> None:
        """Void the tokens of a sign-in that was only a proof."""
        await self._pool.revoke(str(grant.refresh_token))
