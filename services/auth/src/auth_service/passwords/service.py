"""Replaces passwords that were forgotten, and changes those that were not.

What is said of a login, at forgot and at reset, is the same whether or not it is anybody's, and costs the same calls.
"""

import logging
from collections.abc import Iterable

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.lockouts.domain import CODE, PASSWORD
from auth_service.lockouts.service import LockoutService
from auth_service.passwords.domain import check_password
from auth_service.passwords.errors import PoorPassword, WrongPassword, WrongResetCode
from auth_service.passwords.schemas import ChangePassword, ForgottenPassword, ResetPassword
from auth_service.sessions.ends import SessionEnds
from auth_service.sessions.renewals import SessionRenewals
from auth_service.user_pool.errors import MailFailed, NotVerified, Refused, Rejected, WrongCode
from auth_service.user_pool.repository import UserPool
from messenger_contracts.events.auth import PasswordChanged, PasswordReset
from messenger_contracts.identity import Principal
from servicekit.errors import RateLimited
from servicekit.tokens import Tokens

log = logging.getLogger(__name__)

FLOW_SECONDS = 3600.0
"""As long as Cognito's code is good."""


class PasswordService:
    """The passwords of people."""

    def __init__(
        self,
        *,
        pool: UserPool,
        accounts: AccountService,
        renewals: SessionRenewals,
        ends: SessionEnds,
        log: SecurityLog,
        lockouts: LockoutService,
        flows: Tokens,
    ) -> None:
        self._pool = pool
        self._accounts = accounts
        self._renewals = renewals
        self._ends = ends
        self._log = log
        self._lockouts = lockouts
        self._flows = flows

    async def forgot(self, login: str) -> ForgottenPassword:
        """Mail a code to the verified address of the login's account, if there is one.

        Asked again too soon, it mails nothing and says nothing of that: the code that was mailed stays good, and nobody
        keeps a person from a flow by asking first.
        """
        if await self._lockouts.may_mail(f"reset {login}"):
            try:
                await self._pool.mail_reset_code(login)
            except (Rejected, Refused, NotVerified, RateLimited, MailFailed) as error:
                log.info("no reset code was mailed: %s", type(error).__name__)  # which must not be told
        return ForgottenPassword(flow=await self._flows.make({"login": login}, FLOW_SECONDS))

    async def reset(self, wish: ResetPassword, network: str) -> None:
        """Set a new password by the mailed code, and end all sessions.

        The code is used up by then. So whoever sends the same once more, because the answer was lost or the sessions
        could not be ended, is known by the new password, and the rest is done again.
        """
        login = str((await self._flows.read(wish.flow))["login"])
        password = wish.new_password.get_secret_value()
        # Not the other name of the account: before the code is known to be right, that would tell it to strangers.
        _demand_good(password, [login])
        async with self._lockouts.attempt(CODE, f"reset {login}", network):
            try:
                await self._pool.reset_password(login, wish.code, password)
            except (WrongCode, Refused, Rejected, NotVerified, RateLimited) as error:
                if not await self._is_password(login, password):
                    raise WrongResetCode from error
        user = await self._accounts.account(login)
        # Before the sessions end: if that fails, and nobody tries again, the person hears of it all the same.
        await self._log.write(PasswordReset(user_id=user.user_id, network=network or None))
        await self._ends.end_all(user.user_id, user.username, "password_changed")
        for name in (user.username, user.email):
            await self._lockouts.forgive(PASSWORD, name)

    async def change(self, person: Principal, wish: ChangePassword, network: str) -> None:
        """Set a new password by the old one, and end all sessions but the one that asks.

        The others end before the change and once more after it, because a change cannot be undone: if their end fails,
        nothing has happened, and if it fails afterwards, only what began in between is left.
        """
        old, new = wish.old_password.get_secret_value(), wish.new_password.get_secret_value()
        account = await self._accounts.account(person.username)
        _demand_good(new, [account.username, account.email])
        access_token = await self._renewals.access_token(person)
        async with self._lockouts.attempt(PASSWORD, person.username, network):
            if not await self._is_password(person.username, old):
                raise WrongPassword
            await self._ends.end_others(person)
            try:
                await self._pool.change_password(access_token, old, new)
            except Refused as error:  # another change was first; the session is as good as before
                raise WrongPassword from error
        await self._log.write(PasswordChanged(user_id=person.user_id, network=network or None))
        await self._ends.end_others(person)

    async def _is_password(self, login: str, password: str) -> bool:
        """The tries at this count as those at the code around them."""
        try:
            await self._pool.prove(login, password)
        except (Refused, NotVerified):
            return False
        return True


def _demand_good(password: str, names: Iterable[str]) -> None:
    if flaw := check_password(password, names):
        raise PoorPassword(flaw)
