"""The first step of an erasure, which is taken at once: nobody uses the account any more, or finds it."""

from auth_service.accounts.service import AccountService
from auth_service.sessions.ends import SessionEnds
from auth_service.user_pool.repository import UserPool


class AccountCloser:
    """Shuts accounts."""

    def __init__(self, accounts: AccountService, ends: SessionEnds, pool: UserPool) -> None:
        self._accounts = accounts
        self._ends = ends
        self._pool = pool

    async def shut(self, user_id: str) -> None:
        """Disable an account, end its sessions, and let it be looked up no more; again is harmless."""
        if await self._pool.disable(user_id):
            await self._ends.end_all(user_id, user_id, "erased")
        await self._accounts.forget(user_id)
