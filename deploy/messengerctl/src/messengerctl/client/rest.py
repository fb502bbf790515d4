"""The routes of the gateway that this client uses, and the tokens that open them.

A request that may be repeated is repeated when no answer came; one answer that names a refusal is the end of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from pydantic import ValidationError

from messenger_contracts.commands import MessageCreate
from messenger_contracts.conversations import Conversation, Message
from messenger_contracts.notifications import Notification
from messenger_contracts.pagination import Page
from messenger_contracts.problem import ErrorCode, FieldError
from messenger_contracts.shapes import Shape
from messenger_contracts.users import User
from messengerctl.client.backoff import Backoff
from messengerctl.client.errors import Refused, SessionEnded, Unreachable
from messengerctl.client.log import Event

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
REFRESH_EARLY_SECONDS = 60.0
ATTEMPTS = 6


class SignedUp(Shape):
    """A new account, not verified yet."""

    user_id: str
    flow: str


class SignedIn(Shape):
    """A session."""

    user: User
    access_token: str
    refresh_token: str
    expires_in: int


class _Refreshed(Shape):
    access_token: str
    refresh_token: str
    expires_in: int


class EventPage(Shape):
    """A stretch of the log, of types that this client may not know yet."""

    items: list[Event]
    epoch: str
    last_seq: int


class _Problem(Shape):
    code: str
    detail: str = ""
    retryable: bool = False
    errors: list[FieldError] = []


@dataclass(frozen=True)
class Tokens:
    """What proves a session; `expires_at` is the Unix second of the access token's end."""

    access_token: str
    refresh_token: str
    expires_at: float

    @classmethod
    def of(cls, answer: SignedIn | _Refreshed) -> "Tokens":
        """Take them from an answer that just came."""
        return cls(answer.access_token, answer.refresh_token, time.time() + answer.expires_in)

    @property
    def stale(self) -> bool:
        """Whether it is time to refresh."""
        return time.time() > self.expires_at - REFRESH_EARLY_SECONDS


async def _keep_nothing(tokens: Tokens) -> None:
    """Keep new tokens nowhere."""


@dataclass
class Client:
    """One person's way to the gateway. `on_tokens` is called with every new pair, before it is used."""

    gateway: str
    tokens: Tokens | None = None
    on_tokens: Callable[[Tokens], Awaitable[None]] = _keep_nothing
    transport: httpx.AsyncBaseTransport | None = None
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Open the connection pool."""
        self.http = httpx.AsyncClient(base_url=self.gateway, timeout=TIMEOUT, transport=self.transport)

    async def close(self) -> None:
        """Close the connection pool."""
        await self.http.aclose()

    async def __aenter__(self) -> "Client":
        """Use it as a context."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def request(
        self, method: str, path: str, *, attempts: int = 1, signed: bool = True, **options: Any
    ) -> httpx.Response:
        """Ask, up to so many times while no answer or a retryable refusal comes; raises `Refused` or `Unreachable`."""
        backoff = Backoff()
        while True:
            attempts -= 1
            try:
                return await self._once(method, path, signed, options)
            except (Refused, Unreachable) as error:
                if attempts <= 0 or not (isinstance(error, Unreachable) or error.retryable):
                    raise
                named = error.retry_after if isinstance(error, Refused) else None
                await asyncio.sleep(named or backoff.next())

    async def _once(self, method: str, path: str, signed: bool, options: dict[str, Any]) -> httpx.Response:
        headers = dict(options.get("headers", {}))
        for last in (False, True):
            if signed:
                headers["authorization"] = f"Bearer {await self.access_token()}"
            try:
                answer = await self.http.request(method, path, **{**options, "headers": headers})
            except httpx.TransportError as error:
                raise Unreachable(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from error
            if answer.is_success:
                return answer
            refused = _refusal(answer)
            if last or not signed or refused.code != ErrorCode.TOKEN_EXPIRED:
                raise refused
            await self.refresh()
        raise AssertionError("the second round always returns or raises")

    async def access_token(self) -> str:
        """A token that is good for a while yet."""
        if self.tokens is None:
            raise SessionEnded("not signed in")
        if self.tokens.stale:
            await self.refresh()
        return self.tokens.access_token

    async def refresh(self) -> None:
        """Get new tokens; one request even if many ask at once. Raises `SessionEnded` when there are none to be had."""
        outdated = self.tokens
        async with self._refreshing:
            if outdated is None or self.tokens is not outdated:
                return
            body = {"refresh_token": outdated.refresh_token}
            try:
                answer = await self.request("POST", "/v1/auth/refresh", json=body, attempts=ATTEMPTS, signed=False)
            except Refused as error:
                if error.status == ErrorCode.UNAUTHENTICATED.status:
                    raise SessionEnded(error.detail) from error
                raise
            await self.adopt(Tokens.of(_Refreshed.model_validate_json(answer.content)))

    async def adopt(self, tokens: Tokens) -> None:
        """Use these tokens from now on."""
        await self.on_tokens(tokens)
        self.tokens = tokens

    async def sign_up(self, email: str, username: str, password: str) -> SignedUp:
        """Ask for an account; a code goes to the e-mail address."""
        body = {"email": email, "username": username, "password": password}
        answer = await self.request("POST", "/v1/auth/sign-up", json=body, signed=False)
        return SignedUp.model_validate_json(answer.content)

    async def verify_email(self, flow: str, code: str) -> None:
        """Prove the e-mail address."""
        await self.request("POST", "/v1/auth/verify-email", json={"flow": flow, "code": code}, signed=False)

    async def sign_in(self, login: str, password: str, device_name: str = "messengerctl") -> SignedIn:
        """Open a session, and use it from now on."""
        body = {"login": login, "password": password, "session": "token", "device_name": device_name}
        answer = await self.request("POST", "/v1/auth/sign-in", json=body, signed=False)
        signed_in = SignedIn.model_validate_json(answer.content)
        await self.adopt(Tokens.of(signed_in))
        return signed_in

    async def sign_out(self, *, everywhere: bool = False) -> None:
        """End the session, or all of this person's."""
        await self.request("POST", "/v1/auth/sign-out", json={"everywhere": everywhere})

    async def converse(self, peer_id: str) -> Conversation:
        """The direct conversation with somebody, made unless it exists."""
        body = {"kind": "direct", "member_ids": [peer_id]}
        answer = await self.request("POST", "/v1/conversations", json=body, attempts=ATTEMPTS)
        return Conversation.model_validate_json(answer.content)

    async def create_group(self, title: str, member_ids: Sequence[str]) -> Conversation:
        """A new group of this person and others; a repetition after no answer does not make a second one."""
        body = {"kind": "group", "title": title, "member_ids": list(member_ids)}
        key = {"idempotency-key": str(uuid4())}
        answer = await self.request("POST", "/v1/conversations", json=body, headers=key, attempts=ATTEMPTS)
        return Conversation.model_validate_json(answer.content)

    async def conversations(self) -> AsyncIterator[Conversation]:
        """All conversations that this person is in, newest activity first, page after page."""
        cursor: str | None = None
        while True:
            page = Page[Conversation].model_validate_json(await self._get("/v1/conversations", cursor=cursor))
            for conversation in page.items:
                yield conversation
            cursor = page.next
            if cursor is None:
                return

    async def messages(
        self, conversation_id: str, *, before_seq: int | None = None, limit: int | None = None
    ) -> Page[Message]:
        """A page of history, newest first."""
        path = f"/v1/conversations/{conversation_id}/messages"
        return Page[Message].model_validate_json(await self._get(path, before_seq=before_seq, limit=limit))

    async def events(self, conversation_id: str, after_seq: int, limit: int = 200) -> EventPage:
        """A stretch of the log, oldest first."""
        path = f"/v1/conversations/{conversation_id}/events"
        return EventPage.model_validate_json(await self._get(path, after_seq=after_seq, limit=limit))

    async def put_message(
        self,
        conversation_id: str,
        client_id: str,
        text: str | None,
        media_ids: Sequence[str] = (),
        *,
        attempts: int = 1,
    ) -> Message:
        """Send a message, of words or files or both; the same id makes a repetition harmless."""
        path = f"/v1/conversations/{conversation_id}/messages/{client_id}"
        body = MessageCreate(text=text, media_ids=list(media_ids)).model_dump()
        answer = await self.request("PUT", path, json=body, attempts=attempts)
        return Message.model_validate_json(answer.content)

    async def notifications(self, *, unread: bool = False, cursor: str | None = None) -> Page[Notification]:
        """A page of the inbox, newest first."""
        only = "true" if unread else None
        return Page[Notification].model_validate_json(await self._get("/v1/notifications", unread=only, cursor=cursor))

    async def _get(self, path: str, **params: str | int | None) -> bytes:
        given = {name: value for name, value in params.items() if value is not None}
        return (await self.request("GET", path, params=given, attempts=ATTEMPTS)).content


def _refusal(answer: httpx.Response) -> Refused:
    """Read a problem; an answer from something before the gateway may hold none."""
    retry_after = answer.headers.get("retry-after", "")
    wait = float(retry_after) if retry_after.isdecimal() else None
    try:
        problem = _Problem.model_validate_json(answer.content)
    except ValidationError:
        unavailable = answer.status_code in (502, 503, 504)
        return Refused(answer.status_code, f"http_{answer.status_code}", answer.reason_phrase, unavailable, wait)
    return Refused(answer.status_code, problem.code, problem.detail, problem.retryable, wait, problem.errors)
