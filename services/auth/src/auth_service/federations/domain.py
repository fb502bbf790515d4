"""The rules of a sign-in by a provider: which providers, which return targets, what is linked, and PKCE.

Linking. An identity elsewhere may enter the account of its address only if both sides have proved the address: the
provider says that it verified it, and our account was verified by a mailed code. Else whoever writes somebody's
address into a profile elsewhere would own that somebody's account here. A refusal is the same whether or not the
address has an account, so that it tells nobody.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlencode, urlsplit, urlunsplit

FLOW_SECONDS = 600
"""How long a person may take at the provider."""
SCOPES = "openid email profile aws.cognito.signin.user.admin"
"""The last one lets the access token change its own password and authenticator, as a password sign-in's may."""
PROVIDERS = {"google": "Google", "facebook": "Facebook", "apple": "SignInWithApple", "kakao": "Kakao"}
"""Our name of a provider in paths, and Cognito's; any other that is set up goes by its name in small letters."""
NAME_CHARACTERS = 20
_FOREIGN = re.compile("[^a-z0-9]+")
_PLAIN = re.compile(r"[\x21-\x7e]+")


class Refusal(Enum):
    """Why no session began, as the return target is told in `?error=`."""

    CANCELLED = "cancelled"
    FAILED = "failed"
    UNVERIFIED = "unverified"
    TOTP = "totp_required"


@dataclass(frozen=True)
class Identity:
    """Who somebody is at a provider, as far as it says."""

    provider: str
    subject: str
    email: str
    verified: bool
    name: str


@dataclass(frozen=True)
class Secrets:
    """What binds an answer to its question: state to the browser, nonce to the token, verifier to the code."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Secrets":
        """Fresh ones, 256 bits each."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def challenge(self) -> str:
        """The verifier's S256 challenge (RFC 7636, 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def matches(self, state: str) -> bool:
        """Whether an answer carries our state."""
        return hmac.compare_digest(self.state.encode(), state.encode())


def find_provider(name: str, offered: Sequence[str]) -> str | None:
    """Cognito's name of a provider that is set up, by ours."""
    names = {ours: cognito for ours, cognito in PROVIDERS.items() if cognito in offered}
    names |= {cognito.lower(): cognito for cognito in offered if cognito not in PROVIDERS.values()}
    return names.get(name)


def target_of(wish: str, origin: str, allowed: Sequence[str]) -> str | None:
    """Where a browser is sent in the end: a path of our own origin, or what the list names; None for anywhere else.

    An entry that ends in `/` allows every path of its origin, any other exactly itself. What browsers read in other
    ways than we do, such as `//host` or a backslash, is nobody's honest wish.
    """
    if not _PLAIN.fullmatch(wish) or "\\" in wish or wish.startswith("//"):
        return None
    if wish.startswith("/"):
        return f"{origin}{wish}"
    if wish in allowed:
        return wish
    parts = urlsplit(wish)
    root = f"{parts.scheme}://{parts.netloc}/"
    is_page = parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc
    return wish if is_page and (root == f"{origin}/" or root in allowed) else None


def with_error(target: str, refusal: Refusal | None) -> str:
    """The return target, with the reason why no session began."""
    if refusal is None:
        return target
    parts = urlsplit(target)
    query = "&".join(filter(None, (parts.query, urlencode({"error": refusal.value}))))
    return urlunsplit(parts._replace(query=query))


def identity_of(provider: str, attributes: Mapping[str, str]) -> Identity | None:
    """The identity at a provider in a profile that Cognito made of it; None where it has none.

    The profile's name is no source: a pool that ignores case writes it in small letters.
    """
    try:
        listed = json.loads(attributes.get("identities", "[]"))
        subject = next(str(each["userId"]) for each in listed if each["providerName"] == provider)
    except (ValueError, TypeError, LookupError, StopIteration, RecursionError):
        return None
    return Identity(
        provider=provider,
        subject=subject,
        email=attributes.get("custom:federated_email", "").strip().lower(),
        verified=attributes.get("custom:federated_proof", "").lower() == "true",
        name=attributes.get("custom:federated_name", ""),
    )


def suggest_username(identity: Identity) -> str:
    """A username for somebody who comes by a provider: of their name or address, and an end that is hardly taken."""
    for source in (identity.name, identity.email.partition("@")[0]):
        words = ".".join(filter(None, _FOREIGN.split(source.lower())))
        if plain := words.lstrip("0123456789.")[:NAME_CHARACTERS].rstrip("."):
            return f"{plain}_{secrets.token_hex(3)}"
    return f"guest_{secrets.token_hex(4)}"
