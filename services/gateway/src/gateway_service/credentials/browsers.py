"""Sessions that browsers hold in a cookie: opened here, and renewed before their access ends.

The cookie says who it is and until when that may be believed, as an access token does. Some time before that the next
request has auth renew it, and the answer brings the next cookie; the request itself goes on meanwhile with what it
has, if auth is away. Several tabs that come at once share a renewal; at different gateways auth makes them one.
"""

import asyncio
import time
from collections.abc import Mapping

from gateway_service.credentials.cookies import bake, cookie
from gateway_service.credentials.domain import Session
from gateway_service.credentials.errors import SessionOver
from gateway_service.credentials.repository import BrowserRepository
from messenger_contracts.browsers import (
    DEVICE_COOKIE,
    DEVICE_SECONDS,
    SESSION_COOKIE,
    BrowserSession,
    Renewed,
)
from messenger_contracts.identity import Principal
from servicekit.errors import DependencyUnavailable, TokenExpired, Unauthenticated
from servicekit.telemetry import record_failure
from servicekit.tokens import Tokens

CACHE_SIZE = 50_000
REUSE_SECONDS = 30.0
"""How long the answer to one tab serves others that show the same cookie. Shorter than auth's grace for them."""
FORGET = bake(SESSION_COOKIE, "", 0)


class BrowserSessions:
    """Opens session cookies."""

    def __init__(self, tokens: Tokens, browsers: BrowserRepository) -> None:
        self._tokens = tokens
        self._browsers = browsers
        self._opened: dict[str, BrowserSession] = {}
        self._renewals: dict[str, tuple[float, asyncio.Task[Renewed]]] = {}

    async def open(self, headers: Mapping[str, str], address: str) -> Session | None:
        """The session of a request; None when it has no session cookie.

        Raises `Unauthenticated` or `SessionOver`, with the cookie taken away, or `DependencyUnavailable`.
        """
        token = cookie(headers.get("cookie"), SESSION_COOKIE)
        if token is None:
            return None
        try:
            shown = await self._read(token)
            if shown.renew_at > time.time():
                return _session(shown)
            return await self._renewed(shown, token, headers, address)
        except (SessionOver, TokenExpired) as error:
            raise without_cookie(SessionOver()) from error
        except Unauthenticated as error:
            raise without_cookie(Unauthenticated()) from error

    async def _read(self, token: str) -> BrowserSession:
        shown = self._opened.get(token)
        if shown is None:
            shown = BrowserSession.model_validate(await self._tokens.read(token))
            if len(self._opened) >= CACHE_SIZE:
                self._opened.clear()
            self._opened[token] = shown
            await self._browsers.note_used(shown)
        return shown

    async def _renewed(self, shown: BrowserSession, token: str, headers: Mapping[str, str], address: str) -> Session:
        try:
            renewed = await asyncio.shield(self._renewal(shown, token, headers, address))
        except DependencyUnavailable as error:
            if shown.access_expires_at <= time.time():
                raise
            record_failure("credentials", error)
            return _session(shown)
        cookies = [bake(SESSION_COOKIE, renewed.session, renewed.seconds)]
        if renewed.device:
            cookies.append(bake(DEVICE_COOKIE, renewed.device, DEVICE_SECONDS))
        next_one = BrowserSession.model_validate(await self._tokens.read(renewed.session))
        return _session(next_one, tuple(cookies))

    def _renewal(
        self, shown: BrowserSession, token: str, headers: Mapping[str, str], address: str
    ) -> "asyncio.Task[Renewed]":
        """The renewal of a cookie that is under way, or was just done, or a new one."""
        now = time.monotonic()
        self._renewals = {
            each: (until, task) for each, (until, task) in self._renewals.items() if until > now and not _failed(task)
        }
        if token not in self._renewals:
            client = {"x-client-address": address, "user-agent": headers.get("user-agent", "")}
            device = cookie(headers.get("cookie"), DEVICE_COOKIE)
            renewing = asyncio.ensure_future(self._browsers.renew(shown, token, device, client))
            renewing.add_done_callback(_failed)  # looks at what went wrong, where every tab has gone away meanwhile
            self._renewals[token] = now + REUSE_SECONDS, renewing
        return self._renewals[token][1]


def _failed(task: "asyncio.Task[Renewed]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _session(shown: BrowserSession, cookies: tuple[str, ...] = ()) -> Session:
    principal = Principal(
        user_id=shown.user_id, username=shown.username, session_id=shown.session_id, groups=shown.groups
    )
    return Session(principal, shown.access_expires_at, cookies)


def without_cookie(error: Unauthenticated) -> Unauthenticated:
    """A refusal after which the browser need not come with its cookie again."""
    error.headers["Set-Cookie"] = FORGET
    return error
