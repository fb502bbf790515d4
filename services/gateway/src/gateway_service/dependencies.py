"""What lives as long as the process: keys, limits, clients of the services, and the hub that feeds the sockets."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from gateway_service.commands.service import CommandService
from gateway_service.credentials.domain import EndedSessions
from gateway_service.credentials.service import TICKET_PURPOSE, CredentialService
from gateway_service.limits.service import LimitService
from gateway_service.presence.repository import PresenceRepository
from gateway_service.presence.service import PresenceService
from gateway_service.routes.domain import AUTH, CHAT, MEDIA, NOTIFICATION, SYNC
from gateway_service.routes.service import ProxyService
from gateway_service.sends.service import SendService
from gateway_service.settings import GatewaySettings
from gateway_service.sockets.service import SocketService
from gateway_service.topics.repository import ChatRepository
from gateway_service.topics.service import Hub
from servicekit.aws import Aws
from servicekit.cognito import AccessTokenVerifier, FetchJwks
from servicekit.errors import DependencyUnavailable
from servicekit.fanout import FanoutPublisher
from servicekit.http import ServiceClient
from servicekit.identity import IdentitySigner
from servicekit.keys import key_ring
from servicekit.loops import keep_running
from servicekit.rate_limit import RateLimiter
from servicekit.telemetry import Tracing
from servicekit.tokens import Tokens
from servicekit.valkey import create_valkey

WAIT_SECONDS, WAITING = 75.0, 10_000
"""How long a sync may take, its waiting included, and how many may wait at a time."""


@asynccontextmanager
async def lifespan(settings: GatewaySettings, app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open what the routes find in `request.state`; listen while the process lives."""
    namespace = settings.resource_prefix
    services = {
        AUTH: ServiceClient(AUTH, settings.auth_url),
        CHAT: ServiceClient(CHAT, settings.chat_url),
        MEDIA: ServiceClient(MEDIA, settings.media_url),
        NOTIFICATION: ServiceClient(NOTIFICATION, settings.notification_url),
        SYNC: ServiceClient(SYNC, settings.chat_url, timeout=WAIT_SECONDS, connections=WAITING),
    }
    valkey, stopping = create_valkey(settings.valkey_url), asyncio.Event()
    async with Aws(settings.region) as aws, httpx.AsyncClient(timeout=5) as keys:
        signer = IdentitySigner(await key_ring(aws, settings.resource("identity-private")))
        tickets = Tokens(await key_ring(aws, settings.resource("realtime-ticket", AUTH)), TICKET_PURPOSE)
        verifier = AccessTokenVerifier(
            issuer=settings.cognito_issuer,
            client_id=settings.cognito_client_id,
            fetch_jwks=fetch_from(keys, settings.cognito_jwks_url),
        )
        credentials = CredentialService(verifier, tickets, valkey, namespace, EndedSessions())
        limits = LimitService(RateLimiter(valkey, namespace), settings)
        chat = ChatRepository(services[CHAT], signer)
        hub = Hub(valkey, namespace, chat, credentials, settings.reconcile_seconds)
        commands = CommandService(chat.run)
        fanout = FanoutPublisher(valkey)
        words = PresenceRepository(valkey, namespace, settings.presence_seconds)
        presences = PresenceService(words, hub.streams, fanout, settings)
        sockets = SocketService(hub, commands, presences, fanout, settings)
        proxy = ProxyService(
            services, credentials, signer, limits, SendService(commands), trusted_proxies=settings.trusted_proxies
        )
        app.state.drain = sockets.drain
        listening = asyncio.create_task(keep_running(app.state.health, "hub", hub.run, stopping, critical=False))
        expiring = asyncio.gather(hub.expire(stopping), presences.run(stopping))
        yield {
            "proxy": proxy,
            "credentials": credentials,
            "sockets": sockets,
            "tracing": Tracing(settings.trace_ratio if settings.otlp_endpoint else 0.0),
            "openapi_file": settings.openapi_file,
        }
        stopping.set()
        await asyncio.gather(listening, expiring)
    for client in services.values():
        await client.close()
    await valkey.aclose()


def fetch_from(client: httpx.AsyncClient, url: str) -> FetchJwks:
    """Reads the user pool's keys over HTTP."""

    async def fetch() -> dict[str, Any]:
        try:
            document: dict[str, Any] = (await client.get(url)).raise_for_status().json()
        except httpx.HTTPError as error:
            raise DependencyUnavailable("The user pool's keys cannot be read at the moment.") from error
        return document

    return fetch
