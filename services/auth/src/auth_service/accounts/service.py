"""What happens to an account until it is verified, and its profile.

Whether an address has an account is told to nobody but who can read its mail: a sign-up with a taken address takes the
same path, time and shape as any other, its code included, and the right code answers that the address has an account
already. What happens to the account that was there: nothing. Usernames are public, so that one is taken may be said.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from auth_service.accounts.domain import FLOW_SECONDS, RESERVED, is_abandoned, prove, proves
from auth_service.accounts.models import PersonRecord, SignUpRecord
from auth_service.accounts.repository import PersonRepository, SignUpRepository
from auth_service.accounts.schemas import Person, SignedUp, SignUp
from auth_service.user_pool.errors import AddressTaken, Refused, Rejected, UnknownAccount, UsernameTaken
from auth_service.user_pool.models import Account
from auth_service.user_pool.repository import UserPool
from messenger_contracts.users import User
from servicekit.errors import NotFound, TokenExpired
from servicekit.tokens import Tokens


class AccountService:
    """Makes accounts and tells of them."""

    def __init__(
        self, pool: UserPool, sign_ups: SignUpRepository, people: PersonRepository, flows: Tokens, seals: Tokens
    ) -> None:
        self._pool = pool
        self._sign_ups = sign_ups
        self._people = people
        self._flows = flows
        self._seals = seals

    async def sign_up(self, wish: SignUp) -> SignedUp:
        """Make an account and mail its code. The same wish again, before it is verified, is answered again."""
        if wish.username in RESERVED:
            raise UsernameTaken
        try:
            user_id = await self._create(wish)
        except UsernameTaken:
            user_id = await self._repeat(wish) or await self._take_over(wish)
        flow = await self._flows.make({"user_id": user_id, "username": wish.username}, FLOW_SECONDS)
        return SignedUp(user_id=user_id, flow=flow)

    async def verify_email(self, flow: str, code: str) -> None:
        """Verify the address of a sign-up. Again is harmless: an answer was lost, or the button pressed twice."""
        claims = await self._flows.read(flow)
        try:
            await self._pool.confirm(claims["username"], code)
        except AddressTaken:
            await self._pool.delete(claims["user_id"])
            await self._sign_ups.delete(claims["username"])
            raise
        except Refused:
            account = await self._pool.find(claims["username"])
            if account is None or account.user_id != claims["user_id"] or not account.verified:
                raise
        await self.remember(claims["user_id"], claims["username"])
        await self._sign_ups.delete(claims["username"])

    async def resend(self, flow: str) -> None:
        """Mail another code, unless the account has no use for one any more."""
        claims = await self._flows.read(flow)
        try:
            await self._pool.resend(claims["username"])
        except (Rejected, UnknownAccount):
            return  # verified or gone, which a flow must not tell

    async def is_available(self, username: str) -> bool:
        """Whether one could sign up with this username."""
        if username in RESERVED:
            return False
        account = await self._pool.find(username)
        return account is None or _is_free(account)

    async def profile(self, username: str) -> User:
        """A person's public profile; raises `UnknownAccount`."""
        account = await self._pool.find(username)
        if account is None:
            raise UnknownAccount
        return User(
            id=account.user_id,
            username=account.username,
            display_name=account.display_name,
            created_at=account.created_at,
        )

    async def person(self, user_id: str) -> Person:
        """The person with an id; raises `NotFound`, also for who has not verified their address."""
        if known := await self.people([user_id]):
            return known[0]
        account = await self._pool.find(user_id)
        if account is None or account.user_id != user_id or not account.verified:
            raise NotFound
        await self.remember(user_id, account.username)
        return Person(id=user_id, username=account.username)

    async def people(self, user_ids: Sequence[str]) -> list[Person]:
        """Those of some ids who are people with a verified address."""
        return [Person(id=each.user_id, username=each.username) for each in await self._people.get(user_ids)]

    async def remember(self, user_id: str, username: str) -> None:
        """Let a person whose address is verified be found by the id. Said at every sign-in, in case it got lost."""
        await self._people.put(PersonRecord(user_id, username))

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
        await self._sign_ups.put(SignUpRecord(wish.username, sealed, int(time.time() + FLOW_SECONDS)))
        return user_id

    async def _repeat(self, wish: SignUp) -> str | None:
        """The account of an earlier sign-up by the same person, with a new code on its way."""
        waiting = await self._waiting(wish.username)
        known = await asyncio.to_thread(proves, waiting.get("proof"), wish.password.get_secret_value())
        if not known or waiting["email"] != wish.email:
            return None
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


def _is_free(account: Account) -> bool:
    return not account.verified and is_abandoned(account.created_at, datetime.now(UTC))
