"""Cookies as browsers keep them, and as our services speak of them.

A service says `session=…; Max-Age=…`. The edge makes of it a cookie that no script can read, that goes to this origin
alone and over TLS alone, and that other sites cannot have sent along but by a link. Chromium and Firefox hold
`http://localhost` and `http://127.0.0.1` for as good as TLS here, so that a laptop needs no second kind of cookie;
Safari does not (docs/decisions/0011-browser-sessions.md).
"""

from messenger_contracts.browsers import SESSION_COOKIE

PREFIX = "__Host-"
ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"


def cookie(header: str | None, name: str) -> str | None:
    """The value of one of our cookies in a `Cookie` header."""
    wanted = PREFIX + name
    for part in (header or "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == wanted:
            return value or None
    return None


def undress(header: str | None) -> str:
    """What a service is told of our cookies, by their plain names. The session is the edge's own matter."""
    ours = (part.strip().removeprefix(PREFIX) for part in (header or "").split(";") if part.strip().startswith(PREFIX))
    return "; ".join(each for each in ours if not each.startswith(f"{SESSION_COOKIE}="))


def dress(plain: str) -> str:
    """The `Set-Cookie` for browsers of one that a service gave."""
    pair, *rest = plain.split(";")
    kept = [part.strip() for part in rest if part.strip().lower().startswith("max-age=")]
    return "; ".join([PREFIX + pair.strip(), *kept, ATTRIBUTES])


def bake(name: str, value: str, seconds: int) -> str:
    """A `Set-Cookie` of the edge's own."""
    return dress(f"{name}={value}; Max-Age={seconds}")
