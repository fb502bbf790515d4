"""Passes a request on: proves the caller, counts the request, signs the identity, and carries the answer back."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from gateway_service.credentials.cookies import cookie, dress, undress
from gateway_service.credentials.service import CredentialService, holds_cookie
from gateway_service.limits.domain import Network, account_of, body_of, client_address, device_of
from gateway_service.limits.service import LimitService
from gateway_service.routes.domain import AUTH, CHAT, SYNC, Route, check_body
from gateway_service.sends.domain import is_send, read_send
from gateway_service.sends.service import SendService
from messenger_contracts.browsers import DEVICE_COOKIE, PROOF_COOKIE
from messenger_contracts.identity import Principal, anonymous
from messenger_contracts.shapes import version_at
from servicekit.errors import DependencyUnavailable, ServiceError, problem_response
from servicekit.etags import etag
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
        proxies: Sequence[Network],
    ) -> None:
        self._services = services
        self._credentials = credentials
        self._signer = signer
        self._limits = limits
        self._sends = sends
        self._proxies = proxies

    async def answer(self, route: Route, request: Request) -> Response:
        """Answer a request to a public route; raises the `ServiceError`s of the edge."""
        address = address_of(request, self._proxies)
        admission = await self._admit(route, request, address)
        try:
            answer = await self._answer(route, request, admission.principal, address)
        except ServiceError as error:
            answer = problem_response(error, request.scope["path"])
        answer.headers.update(admission.headers)
        said = {value.partition("=")[0] for value in answer.headers.getlist("set-cookie")}
        for each in admission.cookies:
            if each.partition("=")[0] not in said:  # a route that begins or ends a session has the last word
                answer.headers.append("set-cookie", each)
        return answer

    async def _answer(self, route: Route, request: Request, principal: Principal, address: str) -> Response:
        if is_send(request.method, request.scope["path"]):
            answer = await self._send(principal, request)
            if answer is not None:
                return answer
        check_body(await request.body())
        passed_on = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        if route.service == AUTH and (cookies := undress(request.headers.get("cookie"))):
            passed_on["cookie"] = cookies
        asked = self._services[route.service].request(
            request.method,
            request.scope["path"],
            await self._signer.sign(principal),
            content=await request.body(),
            params=request.scope["query_string"] or None,
            headers=passed_on | {CLIENT_ADDRESS: address},
        )
        answered = await (_while_there(request, asked) if route.service == SYNC else asked)
        if answered is None:
            return Response(status_code=CLIENT_GONE)
        response = _passed_back(answered, answered.status_code)
        for plain in answered.cookies if route.service == AUTH else ():
            response.headers.append("set-cookie", dress(plain))
        return response

    async def _send(self, sender: Principal, request: Request) -> Response | None:
        """The answer to a send; None when chat's own route is to give it."""
        path = request.scope["path"]
        send = read_send(path, await request.body())
        if send is None:
            return None
        try:
            sent, message = await self._sends.send(sender, send)
        except DependencyUnavailable:
            raise
        except ServiceError as error:
            return problem_response(error, path)
        if message is not None:
            version = version_at(datetime.fromisoformat(sent["created_at"]))
            return Response(message, 201, {"ETag": etag(version)}, media_type="application/json")
        return await self._stored(sender, f"{path.rpartition('/')[0]}/{sent['id']}")

    async def _stored(self, reader: Principal, path: str) -> Response | None:
        """A message that was sent before, as it is now; None when it is no longer there for its sender."""
        stored = await self._services[CHAT].request("GET", path, await self._signer.sign(reader))
        return _passed_back(stored, 200) if stored.is_success else None

    async def _admit(self, route: Route, request: Request, address: str) -> "Admission":
        secret = route.takes_secret(request.method)
        if route.open:
            self._credentials.check_page(request.method, request.headers)
            count = self._count_secret(request, address) if secret else self._limits.address(address)
            return Admission(anonymous(), await count)
        if "authorization" not in request.headers and not holds_cookie(request.headers):
            await self._limits.address(address)
        session = await self._credentials.of_request(request.method, request.headers, address)
        headers = await self._limits.user(session.principal.user_id)
        if secret:
            headers |= await self._count_secret(request, address, session.principal.user_id)
        return Admission(session.principal, headers, session.cookies)

    async def _count_secret(self, request: Request, address: str, account: str | None = None) -> dict[str, str]:
        body = body_of(await request.body())
        cookies = request.headers.get("cookie")
        device = device_of(body, cookie(cookies, DEVICE_COOKIE))
        account = account or account_of(body, cookie(cookies, PROOF_COOKIE))
        return await self._limits.secret(request.scope["path"], address, account, device)


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that is let in: who asks, and what the answer tells of limits and to the browser."""

    principal: Principal
    headers: Mapping[str, str]
    cookies: tuple[str, ...] = ()


def _passed_back(answered: Answer, status: int) -> Response:
    """The answer of a service, with what of its headers is the client's to see."""
    headers = {name: value for name, value in answered.headers.items() if name in PASSED_BACK}
    return Response(answered.content, status, headers)


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


def address_of(connection: HTTPConnection, proxies: Sequence[Network]) -> str:
    """The address of the client, as far as our own proxies tell."""
    peer = connection.client.host if connection.client else "unknown"
    return client_address(peer, connection.headers.get("x-forwarded-for", ""), proxies)
