"""What lives as long as the process: connections, keys, and the services made of them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from auth_service.accounts.repository import PersonRepository, SignUpRepository
from auth_service.accounts.service import AccountService
from auth_service.endings.repository import EndingRepository
from auth_service.endings.service import Announcer
from auth_service.sessions.repository import SessionRepository
from auth_service.sessions.service import SessionKeys, SessionService
from auth_service.settings import AuthSettings
from auth_service.user_pool.repository import UserPool
from servicekit.aws import Aws
from servicekit.identity import identity_verifier
from servicekit.keys import key_ring
from servicekit.tokens import Tokens
from servicekit.valkey import create_valkey


@asynccontextmanager
async def lifespan(settings: AuthSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open what the routes find in `request.state`, and close it when the last request has gone."""
    async with Aws(settings.region) as aws, open_announcer(settings, aws) as announcer:
        cognito = await aws.client("cognito-idp")
        pool = await UserPool.open(cognito, settings.user_pool_id, settings.user_pool_client_id)
        rows = SessionRepository(await aws.client("dynamodb"), settings.resource("sessions"))
        app.state.health.require("sessions", rows.check)
        accounts = await make_accounts(settings, aws, pool)
        yield {
            "identity": await identity_verifier(aws, settings),
            "accounts": accounts,
            "sessions": SessionService(
                pool=pool,
                accounts=accounts,
                sessions=rows,
                announcer=announcer,
                keys=await session_keys(settings, aws),
                days=settings.session_days,
            ),
        }


@asynccontextmanager
async def open_announcer(settings: AuthSettings, aws: Aws) -> AsyncIterator[Announcer]:
    """The announcer of ended sessions, with its own connections to Valkey."""
    valkey = create_valkey(settings.valkey_url)
    dynamodb, table = await aws.client("dynamodb"), settings.resource("sessions")
    yield Announcer(EndingRepository(dynamodb, table, valkey, settings.resource_prefix))
    await valkey.aclose()


async def make_accounts(settings: AuthSettings, aws: Aws, pool: UserPool) -> AccountService:
    """The service of accounts on a pool."""
    dynamodb = await aws.client("dynamodb")
    sign_ups = SignUpRepository(dynamodb, settings.resource("sign-ups"))
    people = PersonRepository(dynamodb, settings.resource("people"))
    ring = await key_ring(aws, settings.resource("flow"))
    flows, seals = Tokens(ring, "verify_email_session"), Tokens(ring, "sign_up_record")
    return AccountService(pool, sign_ups, people, flows, seals)


async def session_keys(settings: AuthSettings, aws: Aws) -> SessionKeys:
    """The keys that seal sessions and tickets."""
    ring = await key_ring(aws, settings.resource("session"))
    tickets = await key_ring(aws, settings.resource("realtime-ticket"))
    return SessionKeys(
        refresh=Tokens(ring, "refresh_session"),
        seals=Tokens(ring, "cognito_refresh_token"),
        tickets=Tokens(tickets, "realtime_ticket"),
    )
