"""Leads a browser through a provider and back into a session.

Cognito makes a profile of its own for an identity that it meets for the first time. No session ever begins with such
a profile: it is removed, the identity is linked to the person's account, and the browser goes round once more, which
at the provider needs no click. An address that the provider does not vouch for is proved in between: `proofs`. A
pre-sign-up trigger could link before the profile is made; it would be a second place for the rule of `domain`, where a
mistake or a missing trigger lets strangers in. Here a missing link lets nobody in.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from auth_service.federations.domain import (
    FLOW_SECONDS,
    Identity,
    Refusal,
    Secrets,
    can_be_mailed,
    find_provider,
    identity_of,
    target_of,
    with_error,
)
from auth_service.federations.errors import ExchangeRefused, FlowOver, ForeignTarget, UnknownProvider
from auth_service.federations.links import IdentityLinks
from auth_service.federations.models import Arrival, Callback, Departure
from auth_service.federations.proofs import AddressProofs
from auth_service.federations.repository import FinishedFlows, HostedUiRepository
from auth_service.lockouts.domain import network_of
from auth_service.sessions.errors import Overtaken
from auth_service.sessions.models import Client, Opening
from auth_service.sessions.service import SessionService
from auth_service.user_pool.models import Account, Grant
from auth_service.user_pool.repository import UserPool, grant_of, present
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
        links: IdentityLinks,
        proofs: AddressProofs,
        sessions: SessionService,
        hosted_ui: HostedUiRepository,
        finished: FinishedFlows,
        flows: Tokens,
        id_tokens: IdTokenVerifier,
        targets: Targets,
    ) -> None:
        self._pool = pool
        self._links = links
        self.proofs = proofs
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
        """Take a browser back: into a session, round once more after linking, or to its target.

        The target is told why there is no session, or that a mailed code is due first.

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
        if identity is None or not identity.email:
            return Arrival(with_error(target, Refusal.UNVERIFIED))
        if claims["again"]:
            return Arrival(with_error(target, Refusal.FAILED))
        if not identity.verified:
            return await self._doubt(identity, target)
        await self._links.link(identity, network_of(client.address))
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

    async def _doubt(self, identity: Identity, target: str) -> Arrival:
        """Have the person prove the address themselves."""
        if not can_be_mailed(identity):
            return Arrival(with_error(target, Refusal.UNVERIFIED))
        return await self.proofs.begin(identity, target)

    async def _enter(self, account: Account, grant: Grant, target: str, client: Client) -> Arrival:
        """Begin the session. A second factor is not waived because a provider asked for none."""
        if account.has_totp:
            return Arrival(with_error(target, Refusal.TOTP))
        try:
            return Arrival(target, await self._sessions.begin(grant, Opening("cookie", client), "oidc"))
        except Overtaken:
            return Arrival(with_error(target, Refusal.FAILED))
