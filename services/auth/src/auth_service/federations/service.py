"""Leads a browser through a provider and back into a session.

Cognito makes a profile of its own for an identity that it meets for the first time. No session ever begins with such
a profile: it is removed, the identity is linked to the person's account, and the browser goes round once more, which
at the provider needs no click. A pre-sign-up trigger could link before the profile is made; it would be a second place
for the rule of `domain`, where a mistake or a missing trigger lets strangers in. Here a missing link lets nobody in.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.federations.domain import (
    FLOW_SECONDS,
    Identity,
    Refusal,
    Secrets,
    find_provider,
    identity_of,
    suggest_username,
    target_of,
    with_error,
)
from auth_service.federations.errors import ExchangeRefused, FlowOver, ForeignTarget, UnknownProvider
from auth_service.federations.models import Arrival, Callback, Departure
from auth_service.federations.repository import FinishedFlows, HostedUiRepository
from auth_service.sessions.errors import Overtaken
from auth_service.sessions.models import Client, Opening
from auth_service.sessions.service import SessionService
from auth_service.user_pool.errors import AddressTaken, UsernameTaken
from auth_service.user_pool.models import Account, Grant
from auth_service.user_pool.repository import UserPool, grant_of, present
from messenger_contracts.events.auth import AccountCreated, AccountVerified, IdentityLinked
from servicekit.cognito import IdTokenVerifier
from servicekit.errors import Unauthenticated
from servicekit.tokens import Tokens

CANCELLED = "access_denied"
"""What RFC 6749, 4.1.2.1 calls it when the person says no."""


@dataclass(frozen=True)
class Targets:
    """Where browsers may be sent afterwards, and which providers are set up, by Cognito's names."""

    origin: str
    allowed: Sequence[str]
    providers: Sequence[str]


class FederationService:
    """Begins and finishes sign-ins by a provider."""

    def __init__(
        self,
        *,
        pool: UserPool,
        accounts: AccountService,
        sessions: SessionService,
        hosted_ui: HostedUiRepository,
        finished: FinishedFlows,
        flows: Tokens,
        id_tokens: IdTokenVerifier,
        targets: Targets,
        log: SecurityLog,
    ) -> None:
        self._log = log
        self._pool = pool
        self._accounts = accounts
        self._sessions = sessions
        self._hosted_ui = hosted_ui
        self._finished = finished
        self._flows = flows
        self._id_tokens = id_tokens
        self._targets = targets

    async def start(self, name: str, return_to: str) -> Departure:
        """Send a browser to a provider; raises `UnknownProvider` or `ForeignTarget`."""
        provider = find_provider(name, self._targets.providers)
        if provider is None:
            raise UnknownProvider
        target = target_of(return_to, self._targets.origin, self._targets.allowed)
        if target is None:
            raise ForeignTarget
        return await self._depart(provider, target, again=False)

    async def finish(self, callback: Callback, flow: str | None, client: Client) -> Arrival | Departure:
        """Take a browser back: into a session, round once more after linking, or to its target with a reason.

        Raises `FlowOver` when the answer does not belong to this browser, or came before.
        """
        claims, chosen = await self._open(flow, callback.state)
        target: str = claims["return_to"]
        if not callback.code:
            reason = Refusal.CANCELLED if callback.error == CANCELLED else Refusal.FAILED
            return Arrival(with_error(target, reason))
        grant = await self._exchange(callback.code, chosen)
        account = await self._pool.find(grant.user_id)
        if account is None or not account.enabled:
            raise ExchangeRefused
        if not account.is_external:
            return await self._enter(account, grant, target, client)
        await self._pool.delete(account.user_id)
        identity = identity_of(claims["provider"], account.attributes)
        if identity is None or not (identity.verified and identity.email):
            return Arrival(with_error(target, Refusal.UNVERIFIED))
        if claims["again"]:
            return Arrival(with_error(target, Refusal.FAILED))
        await self._link(identity)
        return await self._depart(claims["provider"], target, again=True)

    def logout_url(self) -> str:
        """Where the hosted UI forgets the browser; our own session is ended by sign-out."""
        return self._hosted_ui.logout_url()

    async def _depart(self, provider: str, target: str, *, again: bool) -> Departure:
        chosen = Secrets.new()
        claims = {"id": uuid4().hex, "provider": provider, "return_to": target, "again": again, **asdict(chosen)}
        return Departure(self._hosted_ui.authorize_url(provider, chosen), await self._flows.make(claims, FLOW_SECONDS))

    async def _open(self, flow: str | None, state: str) -> tuple[dict[str, Any], Secrets]:
        try:
            claims = await self._flows.read(flow or "")
        except Unauthenticated as error:
            raise FlowOver from error
        chosen = Secrets(claims["state"], claims["nonce"], claims["verifier"])
        if not chosen.matches(state) or not await self._finished.finish(claims["id"]):
            raise FlowOver
        return claims, chosen

    async def _exchange(self, code: str, chosen: Secrets) -> Grant:
        """The tokens for the code, which must be the answer to our own question."""
        asked_at = present()
        tokens = await self._hosted_ui.exchange(code, chosen.verifier)
        proved = await self._id_tokens.verify(str(tokens.get("id_token")), nonce=chosen.nonce)
        grant = grant_of(tokens, asked_at)
        if grant.user_id != proved.user_id:
            raise ExchangeRefused
        return grant

    async def _enter(self, account: Account, grant: Grant, target: str, client: Client) -> Arrival:
        """Begin the session. A second factor is not waived because a provider asked for none."""
        if account.has_totp:
            return Arrival(with_error(target, Refusal.TOTP))
        try:
            return Arrival(target, await self._sessions.begin(grant, Opening("cookie", client), "oidc"))
        except Overtaken:
            return Arrival(with_error(target, Refusal.FAILED))

    async def _link(self, identity: Identity) -> None:
        """Link to the account of the verified address, or to a new one. At once from two windows is harmless."""
        account = await self._pool.find(identity.email)
        try:
            if account is None or not account.verified or account.email != identity.email:
                user_id, username = await self._create(identity)
            else:
                user_id, username = account.user_id, account.username
            await self._pool.link(username, identity.provider, identity.subject)
        except AddressTaken:
            return  # the other window was first, and the next round finds what it did
        await self._log.write(IdentityLinked(user_id=user_id, provider=identity.provider))

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
