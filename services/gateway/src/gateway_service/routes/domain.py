"""Which service answers which path, which paths need no sign-in, and what is passed on at all."""

import re
from dataclasses import dataclass

import orjson

from messenger_contracts.problem import FieldError
from servicekit.errors import ValidationFailed

AUTH, CHAT, MEDIA, NOTIFICATION = "auth", "chat", "media", "notification"
SYNC = "sync"
"""Chat again, where a request may wait for a minute: on connections of its own, so that nobody waits for those."""

_SERVICES = {
    "albums": MEDIA,
    "auth": AUTH,
    "conversations": CHAT,
    "invites": CHAT,
    "media": MEDIA,
    "moderation": CHAT,
    "notifications": NOTIFICATION,
    "search": CHAT,
    "sync": SYNC,
    "uploads": MEDIA,
}
_OPEN_AND_SECRET = frozenset(
    {
        "/v1/auth/sign-up",
        "/v1/auth/verify-email",
        "/v1/auth/verify-email/resend",
        "/v1/auth/sign-in",
        "/v1/auth/sign-in/totp",
        "/v1/auth/refresh",
        "/v1/auth/password/forgot",
        "/v1/auth/password/reset",
        "/v1/auth/oidc/callback",
        "/v1/auth/oidc/proof",
        "/v1/auth/oidc/proof/resend",
    }
)
_OPEN_WITHOUT_SECRET = re.compile(r"/v1/auth/(username-available|oidc/([^/]+/start|logout)|erasures/[^/]+)")
_SECRET_OF_A_PERSON = re.compile(r"/v1/auth/(me(/export)?|password/change|totp(/.+)?)")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads. `open` needs no sign-in, `secret` may take one: see `takes_secret`. `path` labels metrics."""

    service: str
    path: str
    open: bool
    secret: bool

    def takes_secret(self, method: str) -> bool:
        """Whether a request tries at a secret; who is signed in gives one to change something, not to read."""
        return self.secret and (self.open or method not in _READS)


def find_route(path: str) -> Route | None:
    """The route of a public path; None if nobody answers it."""
    parts = path.split("/", 3)
    service = _SERVICES.get(parts[2]) if path.startswith("/v1/") else None
    if service is None:
        return None
    is_open = path in _OPEN_AND_SECRET or _OPEN_WITHOUT_SECRET.fullmatch(path) is not None
    is_secret = path in _OPEN_AND_SECRET or _SECRET_OF_A_PERSON.fullmatch(path) is not None
    return Route(service, f"/v1/{parts[2]}", is_open, is_secret)


def check_body(content: bytes) -> None:
    """Refuse a body that is no JSON in UTF-8 (RFC 8259, 8.1), lone surrogates included.

    A service would read UTF-16 too: a sign-in that the limits cannot read would be counted under no account.
    """
    if not content:
        return
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ValidationFailed(errors=[FieldError(pointer="", detail="is no JSON in UTF-8")]) from error
