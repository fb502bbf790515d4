"""Links an identity whose address is proved to the one account that has the address, or to a new one."""

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.federations.domain import Identity, suggest_username
from auth_service.user_pool.errors import AddressTaken, UsernameTaken
from auth_service.user_pool.repository import UserPool
from messenger_contracts.events.auth import AccountCreated, AccountVerified, IdentityLinked


class IdentityLinks:
    """Which account an identity opens."""

    def __init__(self, pool: UserPool, accounts: AccountService, log: SecurityLog) -> None:
        self._pool = pool
        self._accounts = accounts
        self._log = log

    async def link(self, identity: Identity, network: str) -> None:
        """Link to the account of the verified address, or to a new one. At once from two windows is harmless.

        Only whoever had the account before is written to about it.
        """
        account = await self._pool.find(identity.email)
        owner = account if account and account.verified and account.email == identity.email else None
        try:
            user_id, username = (owner.user_id, owner.username) if owner else await self._create(identity)
            await self._pool.link(username, identity.provider, identity.subject)
        except AddressTaken:
            return  # the other window was first, and the next round finds what it did
        linked = IdentityLinked(user_id=user_id, provider=identity.provider, network=network or None)
        await self._log.write(linked, quietly=owner is None)

    async def _create(self, identity: Identity) -> tuple[str, str]:
        while True:
            username = suggest_username(identity)
            if not await self._accounts.is_available(username):
                continue
            try:
                user_id = await self._pool.create_verified(username, identity.email, identity.name or username)
            except UsernameTaken:
                continue
            await self._accounts.remember(user_id, username)
            await self._log.write(AccountCreated(user_id=user_id, username=username))
            await self._log.write(AccountVerified(user_id=user_id, username=username))
            return user_id, username
