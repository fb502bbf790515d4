"""Which service answers which path, and which paths need no sign-in."""

from dataclasses import dataclass

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
_OPEN_TO_ALL = frozenset(
    {
        "/v1/auth/sign-up",
        "/v1/auth/verify-email",
        "/v1/auth/verify-email/resend",
        "/v1/auth/sign-in",
        "/v1/auth/refresh",
        "/v1/auth/username-available",
    }
)
_TAKES_NO_SECRET = frozenset({"/v1/auth/username-available"})


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads. `open` needs no sign-in, `secret` takes one in its body. `path` labels metrics."""

    service: str
    path: str
    open: bool
    secret: bool


def find_route(path: str) -> Route | None:
    """The route of a public path; None if nobody answers it."""
    parts = path.split("/", 3)
    service = _SERVICES.get(parts[2]) if path.startswith("/v1/") else None
    if service is None:
        return None
    is_open = path in _OPEN_TO_ALL
    return Route(service, f"/v1/{parts[2]}", is_open, is_open and path not in _TAKES_NO_SECRET)
