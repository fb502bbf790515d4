"""Passes a request on: proves the caller, counts the request, signs the identity, and carries the answer back."""

import asyncio
from collections.abc import Awaitable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from gateway_service.credentials.service import CredentialService
from gateway_service.limits.service import LimitService
from gateway_service.routes.domain import CHAT, SYNC, Route, find_route
from gateway_service.sends.domain import is_send, read_send
from gateway_service.sends.service import SendService
from messenger_contracts.identity import Principal, anonymous
from servicekit.errors import DependencyUnavailable, NotFound, ServiceError, problem_response
from servicekit.http import Answer, ServiceClient
from servicekit.identity import IdentitySigner
from servicekit.loops import until

PASSED_ON = ("content-type", "accept-language", "if-match", "if-none-match", "idempotency-key", "user-agent")
PASSED_BACK = frozenset(
    {
        "content-type",
        "cache-control",
        "etag",
        "idempotency-replay",
        "last-modified",
        "link",
        "location",
        "retry-after",
        "www-authenticate",
    }
)
CLIENT_ADDRESS = "x-client-address"
CLIENT_GONE = 499
"""For the metrics alone: nobody is there to read it."""


class ProxyService:
    """Answers public routes by asking the service behind each; sends go with those of the sockets."""

    def __init__(
        self,
        services: Mapping[str, ServiceClient],
        credentials: CredentialService,
        signer: IdentitySigner,
        limits: LimitService,
        sends: SendService,
        *,
        trusted_proxies: int,
    ) -> None:
        self._services = services
        self._credentials = credentials
        self._signer = signer
        self._limits = limits
        self._sends = sends
        self._trusted_proxies = trusted_proxies

    async def answer(self, request: Request) -> Response:
        """Answer a request to a public route; raises the `ServiceError`s of the edge."""
        route = find_route(request.url.path)
        if route is None:
            raise NotFound("There is no such route.")
        request.scope["route"] = route
        address = client_address(request, self._trusted_proxies)
        principal, limit_headers = await self._admit(route, request, address)
        if is_send(request.method, request.url.path):
            answer = await self._send(principal, request)
            if answer is not None:
                answer.headers.update(limit_headers)
                return answer
        passed_on = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        asked = self._services[route.service].request(
            request.method,
            request.url.path,
            await self._signer.sign(principal),
            content=await request.body(),
            params=request.url.query.encode() or None,
            headers=passed_on | {CLIENT_ADDRESS: address},
        )
        answered = await (_while_there(request, asked) if route.service == SYNC else asked)
        if answered is None:
            return Response(status_code=CLIENT_GONE)
        headers = {name: value for name, value in answered.headers.items() if name in PASSED_BACK}
        return Response(answered.content, answered.status_code, headers | limit_headers)

    async def _send(self, sender: Principal, request: Request) -> Response | None:
        """The answer to a send; None when chat's own route is to give it."""
        path = request.url.path
        send = read_send(path, await request.body())
        if send is None:
            return None
        try:
            message_id, message = await self._sends.send(sender, send)
        except DependencyUnavailable:
            raise
        except ServiceError as error:
            return problem_response(error, path)
        if message is not None:
            return Response(message, 201, media_type="application/json")
        return await self._stored(sender, f"{path.rpartition('/')[0]}/{message_id}")

    async def _stored(self, reader: Principal, path: str) -> Response | None:
        """A message that was sent before, as it is now; None when it is no longer there for its sender."""
        stored = await self._services[CHAT].request("GET", path, await self._signer.sign(reader))
        return Response(stored.content, 200, media_type="application/json") if stored.is_success else None

    async def _admit(self, route: Route, request: Request, address: str) -> tuple[Principal, dict[str, str]]:
        if route.secret:
            return anonymous(), await self._limits.secret(request.url.path, address)
        if route.open:
            return anonymous(), await self._limits.address(address)
        authorization = request.headers.get("authorization")
        if authorization is None:
            await self._limits.address(address)
        session = await self._credentials.bearer(authorization)
        return session.principal, await self._limits.user(session.principal.user_id)


async def _while_there(request: Request, asked: Awaitable[Answer]) -> Answer | None:
    """The answer of a service; None, and the service is asked no longer, when the client goes away before."""
    gone = asyncio.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()

    watching = asyncio.create_task(watch())
    try:
        return await until(gone, asked)
    finally:
        watching.cancel()


def client_address(request: Request, trusted_proxies: int) -> str:
    """The address of the client: the last of `X-Forwarded-For` that no client can have written."""
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if trusted_proxies and len(forwarded) >= trusted_proxies:
        return forwarded[-trusted_proxies]
    return request.client.host if request.client else "unknown"
