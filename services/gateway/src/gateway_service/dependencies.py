"""What lives as long as the process: keys, limits, clients of the services, and the hub that feeds the sockets."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from gateway_service.commands.service import CommandService
from gateway_service.credentials.browsers import BrowserSessions
from gateway_service.credentials.domain import EndedSessions
from gateway_service.credentials.origins import Origins
from gateway_service.credentials.repository import BrowserRepository
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
from messenger_contracts.browsers import DEVICE_PURPOSE, SESSION_PURPOSE
from servicekit.aws import Aws
from servicekit.cognito import AccessTokenVerifier, jwks_from
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
    async with (
        open_services(settings) as services,
        create_valkey(settings.valkey_url, settings.client_name) as valkey,
        Aws(settings.region) as aws,
        httpx.AsyncClient(timeout=5) as keys,
    ):
        signer = IdentitySigner(await key_ring(aws, settings.resource("identity-private"), settings.key_seconds))
        verifier = AccessTokenVerifier(
            issuer=settings.cognito_issuer,
            client_id=settings.cognito_client_id,
            fetch_jwks=jwks_from(keys, settings.cognito_jwks_url),
        )
        browsers = BrowserRepository(services[AUTH], signer, valkey, namespace)
        credentials = CredentialService(
            verifier=verifier,
            browsers=BrowserSessions(await tokens_of_auth(settings, aws, "active-session", SESSION_PURPOSE), browsers),
            origins=Origins(settings.page_origins),
            tickets=await tokens_of_auth(settings, aws, "realtime-ticket", TICKET_PURPOSE),
            valkey=valkey,
            namespace=namespace,
            ended=EndedSessions(),
        )
        devices = await tokens_of_auth(settings, aws, "known-device", DEVICE_PURPOSE)
        limits = LimitService(RateLimiter(valkey, namespace), devices, settings)
        chat = ChatRepository(services[CHAT], signer)
        hub = Hub(valkey, namespace, chat, credentials, settings.reconcile_seconds)
        commands = CommandService(chat.run)
        fanout = FanoutPublisher(valkey)
        words = PresenceRepository(valkey, namespace, settings.presence_seconds)
        presences = PresenceService(words, hub.streams, fanout, settings)
        sockets = SocketService(hub, commands, presences, fanout, settings)
        proxy = ProxyService(
            services, credentials, signer, limits, SendService(commands), proxies=settings.trusted_proxies
        )
        app.state.drain = sockets.drain
        stopping, loops = asyncio.Event(), {"hub": hub.run, "expiry": hub.expire, "presence": presences.run}
        running = asyncio.gather(
            *(keep_running(app.state.health, name, loop, stopping, critical=False) for name, loop in loops.items())
        )
        yield {
            "proxy": proxy,
            "credentials": credentials,
            "proxies": settings.trusted_proxies,
            "sockets": sockets,
            "tracing": Tracing(settings.trace_ratio if settings.otlp_endpoint else 0.0),
            "openapi_file": settings.openapi_file,
        }
        stopping.set()
        await running
        await hub.drain()
        await presences.drain()


@asynccontextmanager
async def open_services(settings: GatewaySettings) -> AsyncIterator[dict[str, ServiceClient]]:
    """Clients of the services, by name."""
    async with AsyncExitStack() as stack:
        clients = {
            AUTH: ServiceClient(AUTH, settings.auth_url),
            CHAT: ServiceClient(CHAT, settings.chat_url),
            MEDIA: ServiceClient(MEDIA, settings.media_url),
            NOTIFICATION: ServiceClient(NOTIFICATION, settings.notification_url),
            SYNC: ServiceClient(SYNC, settings.chat_url, timeout=WAIT_SECONDS, connections=WAITING),
        }
        for client in clients.values():
            await stack.enter_async_context(client)
        yield clients


async def tokens_of_auth(settings: GatewaySettings, aws: Aws, secret: str, purpose: str) -> Tokens:
    """What opens tokens that auth seals."""
    return Tokens(await key_ring(aws, settings.resource(secret, AUTH), settings.key_seconds), purpose)
