"""Sign-ins by a provider, put together, and what their routes are given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from fastapi import Depends, Request, Response

from auth_service.accounts.service import AccountService
from auth_service.audits.service import SecurityLog
from auth_service.federations.domain import FLOW_SECONDS, PROOF_SECONDS
from auth_service.federations.links import IdentityLinks
from auth_service.federations.models import HostedUi
from auth_service.federations.proofs import AddressProofs
from auth_service.federations.repository import FinishedFlows, HostedUiRepository
from auth_service.federations.service import FederationService, Targets
from auth_service.lockouts.service import LockoutService
from auth_service.mails.repository import MailRepository
from auth_service.sessions.service import SessionService
from auth_service.settings import AuthSettings
from auth_service.user_pool.repository import UserPool
from messenger_contracts.browsers import PROOF_COOKIE, SIGN_IN_COOKIE
from servicekit.aws import Aws
from servicekit.cognito import IdTokenVerifier, jwks_from
from servicekit.keys import key_ring
from servicekit.tokens import Tokens
from servicekit.valkey import create_valkey

PATIENCE_SECONDS = 5.0


@asynccontextmanager
async def open_federations(
    settings: AuthSettings,
    aws: Aws,
    pool: UserPool,
    accounts: AccountService,
    sessions: SessionService,
    lockouts: LockoutService,
    log: SecurityLog,
) -> AsyncIterator[FederationService]:
    """The service, with connections of its own to the hosted UI and to Valkey."""
    ring = await key_ring(aws, settings.resource("oidc"), settings.key_seconds)
    ui = HostedUi(
        url=settings.hosted_ui_url,
        client_id=settings.user_pool_client_id,
        callback_url=f"{settings.public_origin}/v1/auth/oidc/callback",
        logout_url=f"{settings.public_origin}/",
    )
    links, mails = IdentityLinks(pool, accounts, log), MailRepository(await aws.client("sesv2"), settings.mail_sender)
    async with (
        create_valkey(settings.valkey_url, settings.client_name) as valkey,
        httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http,
    ):
        finished = FinishedFlows(valkey, settings.resource_prefix)
        proofs = AddressProofs(
            links=links,
            finished=finished,
            lockouts=lockouts,
            log=log,
            mails=mails,
            seals=Tokens(ring, "oidc_proof"),
            origin=settings.public_origin,
            pepper=pool.pepper,
        )
        yield FederationService(
            pool=pool,
            links=links,
            proofs=proofs,
            sessions=sessions,
            hosted_ui=HostedUiRepository(http, ui, pool.client_secret),
            finished=finished,
            flows=Tokens(ring, "oidc_sign_in"),
            id_tokens=IdTokenVerifier(
                issuer=settings.cognito_issuer,
                client_id=settings.user_pool_client_id,
                fetch_jwks=jwks_from(http, settings.cognito_jwks_url),
            ),
            targets=Targets(settings.public_origin, settings.return_targets, settings.oidc_providers),
        )


async def _federations(request: Request) -> FederationService:
    service: FederationService = request.state.federations
    return service


async def _flow(request: Request) -> str | None:
    return request.cookies.get(SIGN_IN_COOKIE)


async def _proofs(request: Request) -> AddressProofs:
    service: FederationService = request.state.federations
    return service.proofs


async def _proof(request: Request) -> str | None:
    return request.cookies.get(PROOF_COOKIE)


Federations = Annotated[FederationService, Depends(_federations)]
Flow = Annotated[str | None, Depends(_flow)]
Proofs = Annotated[AddressProofs, Depends(_proofs)]
Proof = Annotated[str | None, Depends(_proof)]


def give_flow(response: Response, flow: str) -> None:
    """Have a browser keep a sign-in that is on its way. The gateway adds what makes the cookie safe."""
    _give(response, SIGN_IN_COOKIE, flow, FLOW_SECONDS)


def take_flow(response: Response) -> None:
    """Have a browser forget it."""
    _give(response, SIGN_IN_COOKIE, "", 0)


def give_proof(response: Response, proof: str) -> None:
    """Have a browser keep an identity whose address is to be proved."""
    _give(response, PROOF_COOKIE, proof, PROOF_SECONDS)


def take_proof(response: Response) -> None:
    """Have a browser forget it."""
    _give(response, PROOF_COOKIE, "", 0)


def _give(response: Response, name: str, value: str, seconds: int) -> None:
    response.headers.append("set-cookie", f"{name}={value}; Max-Age={seconds}")
