"""What happens to an account until it is verified, and its profile.

Whether an address has an account is told to nobody but who can read its mail: a sign-up with a taken address takes the
same path, time and shape as any other, its code included, and the right code answers that the address has an account
already. What happens to the account that was there: nothing. Usernames are public, so that one is taken may be said.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from auth_service.accounts.domain import FLOW_SECONDS, is_abandoned, is_reserved, prove, proves, skeleton
from auth_service.accounts.models import Claim, PersonRecord, SignUpRecord
from auth_service.accounts.repository import ClaimRepository, PersonRepository, SignUpRepository
from auth_service.accounts.schemas import Person, SignedUp, SignUp
from auth_service.audits.service import SecurityLog
from auth_service.lockouts.domain import CODE
from auth_service.lockouts.service import LockoutService
from auth_service.passwords.domain import check_password
from auth_service.passwords.errors import PoorPassword
from auth_service.user_pool.errors import AddressTaken, Refused, Rejected, UnknownAccount, UsernameTaken
from auth_service.user_pool.models import Account
from auth_service.user_pool.repository import UserPool
from messenger_contracts.events.auth import AccountCreated, AccountVerified
from messenger_contracts.users import User
from servicekit.errors import NotFound, TokenExpired
from servicekit.tokens import Tokens

CLAIM_SECONDS = int(FLOW_SECONDS) + 120
"""Longer than the sign-up can be verified, and than its account counts as somebody's."""


class AccountService:
    """Makes accounts and tells of them."""

    def __init__(
        self,
        *,
        pool: UserPool,
        sign_ups: SignUpRepository,
        people: PersonRepository,
        claims: ClaimRepository,
        lockouts: LockoutService,
        log: SecurityLog,
        flows: Tokens,
        seals: Tokens,
    ) -> None:
        self._log = log
        self._pool = pool
        self._sign_ups = sign_ups
        self._people = people
        self._claims = claims
        self._lockouts = lockouts
        self._flows = flows
        self._seals = seals

    async def sign_up(self, wish: SignUp) -> SignedUp:
        """Make an account and mail its code. The same wish again, before it is verified, is answered again."""
        if flaw := check_password(wish.password.get_secret_value(), [wish.username, wish.email]):
            raise PoorPassword(flaw, "/password")
        await self._claim(wish.username)
        try:
            user_id = await self._create(wish)
        except UsernameTaken:
            user_id = await self._repeat(wish) or await self._take_over(wish)
        flow = await self._flows.make({"user_id": user_id, "username": wish.username}, FLOW_SECONDS)
        return SignedUp(user_id=user_id, flow=flow)

    async def verify_email(self, flow: str, code: str) -> None:
        """Verify the address of a sign-up. Again is harmless: an answer was lost, or the button pressed twice."""
        claims = await self._flows.read(flow)
        async with self._lockouts.attempt(CODE, f"verify {claims['user_id']}"):
            try:
                await self._pool.confirm(claims["username"], code)
            except AddressTaken:
                await self._pool.delete(claims["user_id"])
                await self._claims.delete(_claim_of(claims["username"]))
                await self._sign_ups.delete(claims["username"])
                raise
            except Refused:
                account = await self._pool.find(claims["username"])
                if account is None or account.user_id != claims["user_id"] or not account.verified:
                    raise
        user_id, username = claims["user_id"], claims["username"]
        await self.remember(user_id, username)
        await self._sign_ups.complete(username, self._log.items(AccountVerified(user_id=user_id, username=username)))

    async def resend(self, flow: str) -> None:
        """Mail another code, unless the account has no use for one any more; raises `LockedOut` when it is too soon."""
        claims = await self._flows.read(flow)
        await self._lockouts.claim_mail(f"verify {claims['user_id']}")
        try:
            await self._pool.resend(claims["username"])
        except (Rejected, UnknownAccount):
            return  # verified or gone, which a flow must not tell

    async def is_available(self, username: str) -> bool:
        """Whether one could sign up with this username."""
        claim = await self._claims.get(skeleton(username))
        if is_reserved(username) or (claim and claim.holds_against(username, time.time())):
            return False
        account = await self._pool.find(username)
        return account is None or _is_free(account)

    async def account(self, login: str) -> Account:
        """The account with a username, an address or an id; raises `UnknownAccount`."""
        account = await self._pool.find(login)
        if account is None:
            raise UnknownAccount
        return account

    async def profile(self, username: str) -> User:
        """A person's public profile; raises `UnknownAccount`."""
        return profile_of(await self.account(username))

    async def person(self, user_id: str) -> Person:
        """The person with an id; raises `NotFound`, also for who has not verified their address."""
        if known := await self.people([user_id]):
            return known[0]
        account = await self._pool.find(user_id)
        if account is None or account.user_id != user_id or not account.verified or not account.enabled:
            raise NotFound
        await self.remember(user_id, account.username)
        return Person(id=user_id, username=account.username)

    async def people(self, user_ids: Sequence[str]) -> list[Person]:
        """Those of some ids who are people with a verified address."""
        return [Person(id=each.user_id, username=each.username) for each in await self._people.get(user_ids)]

    async def remember(self, user_id: str, username: str) -> None:
        """Let a person whose address is verified be found by the id. Said at every sign-in, in case it got lost."""
        await asyncio.gather(self._people.put(PersonRecord(user_id, username)), self.keep_name(username))

    def remembered(self, user_id: str, username: str) -> dict[str, Any]:
        """The part of `remember` that goes with the transaction of a sign-in; the other one is `keep_name`."""
        return self._people.putting(PersonRecord(user_id, username))

    async def keep_name(self, username: str) -> None:
        """Keep others from the username of a person whose address is verified, and from what looks like it."""
        await self._claims.put(_claim_of(username), int(time.time()))

    async def release(self, username: str) -> None:
        """Let others have the username of an account that is gone, and what looks like it."""
        await self._claims.delete(_claim_of(username))

    async def forget(self, user_id: str) -> None:
        """Let a person be found no more. The account must be disabled first, or it would be remembered again."""
        await self._people.delete(user_id)

    async def waits_for_code(self, login: str, password: str) -> bool:
        """Whether this is the right password of an account that is not verified; takes the same time if not.

        Cognito cannot be asked: it refuses such an account before it looks at the password.
        """
        waiting = await self._waiting(login)
        return await asyncio.to_thread(proves, waiting.get("proof"), password)

    async def _create(self, wish: SignUp) -> str:
        password = wish.password.get_secret_value()
        name = wish.display_name or wish.username
        user_id = await self._pool.sign_up(wish.username, password, wish.email, name)
        proof = await asyncio.to_thread(prove, password)
        sealed = await self._seals.make({"user_id": user_id, "email": wish.email, "proof": proof}, FLOW_SECONDS)
        record = SignUpRecord(wish.username, sealed, int(time.time() + FLOW_SECONDS))
        told = self._log.items(AccountCreated(user_id=user_id, username=wish.username))
        await self._sign_ups.put(record, told)
        await self._lockouts.may_mail(f"verify {user_id}")  # that was one, and the next has to wait
        return user_id

    async def _claim(self, username: str) -> None:
        """Keep others from the username and what looks like it, as long as the sign-up can be verified."""
        now = int(time.time())
        if is_reserved(username) or not await self._claims.put(_claim_of(username, now + CLAIM_SECONDS), now):
            raise UsernameTaken

    async def _repeat(self, wish: SignUp) -> str | None:
        """The account of an earlier sign-up by the same person, with a new code on its way."""
        waiting = await self._waiting(wish.username)
        known = await asyncio.to_thread(proves, waiting.get("proof"), wish.password.get_secret_value())
        if not known or waiting["email"] != wish.email:
            return None
        if await self._lockouts.may_mail(f"verify {waiting['user_id']}"):
            await self._pool.resend(wish.username)
        return str(waiting["user_id"])

    async def _take_over(self, wish: SignUp) -> str:
        """Make the account in the place of one that nobody verified in time."""
        present = await self._pool.find(wish.username)
        if present and not _is_free(present):
            raise UsernameTaken
        if present:
            await self._pool.delete(present.user_id)
        return await self._create(wish)

    async def _waiting(self, username: str) -> dict[str, str]:
        record = await self._sign_ups.get(username)
        if record is None:
            return {}
        try:
            return await self._seals.read(record.sealed)
        except TokenExpired:
            return {}


def profile_of(account: Account) -> User:
    """What everybody may know of an account's person."""
    return User(
        id=account.user_id,
        username=account.username,
        display_name=account.display_name,
        created_at=account.created_at,
    )


def _is_free(account: Account) -> bool:
    return not account.verified and is_abandoned(account.created_at, datetime.now(UTC))


def _claim_of(username: str, expires_at: int | None = None) -> Claim:
    return Claim(skeleton(username), username, expires_at)
