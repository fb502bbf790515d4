"""The rules of a sign-in by a provider: which providers, which return targets, what is linked, and PKCE.

Linking. An identity elsewhere may enter the account of its address only if the address is proved on both sides: our
account was verified by a mailed code, and so is the identity, unless the provider says that it verified it itself.
Else whoever writes somebody's address into a profile elsewhere would own that somebody's account here. What is said
before is the same whether or not the address has an account, so that it tells nobody.
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

from auth_service.accounts.domain import check_email, fold
from auth_service.mails.models import Mail

FLOW_SECONDS = 600
"""How long a person may take at the provider."""
PROOF_SECONDS = 600
"""How long a mailed code is good."""
SCOPES = "openid email profile aws.cognito.signin.user.admin"
"""The last one lets the access token change its own password and authenticator, as a password sign-in's may."""
PROVIDERS = {"google": "Google", "facebook": "Facebook", "apple": "SignInWithApple", "kakao": "Kakao"}
"""Our name of a provider in paths, and Cognito's; any other that is set up goes by its name in small letters."""
NAME_CHARACTERS = 20
_SHOWN_CHARACTERS = 64
"""As long as a display name may be."""
_CODE_DIGITS = 6
_DIGEST_BYTES = 16
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


class Post(Enum):
    """What became of the mail that proves an address, as the return target is told in `?proof=`."""

    MAILED = "email"
    UNSENT = "unsent"


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


def public_name(provider: str) -> str:
    """Our name of a provider, by Cognito's."""
    return next((ours for ours, cognito in PROVIDERS.items() if cognito == provider), provider.lower())


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
    return target if refusal is None else _with_query(target, error=refusal.value)


def with_proof(target: str, post: Post) -> str:
    """The return target, with what its page may ask the person for."""
    return _with_query(target, proof=post.value)


def _with_query(target: str, **said: str) -> str:
    parts = urlsplit(target)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(said))))))


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
        email=fold(attributes.get("custom:federated_email", "")),
        verified=attributes.get("custom:federated_proof", "").lower() == "true",
        name=attributes.get("custom:federated_name", "")[:_SHOWN_CHARACTERS],
    )


def can_be_mailed(identity: Identity) -> bool:
    """Whether the identity has what a sign-up would take for an address."""
    try:
        return check_email(identity.email) == identity.email
    except ValueError:
        return False


def new_code() -> str:
    """Six digits, like those of Cognito's codes."""
    return f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}}"


def digest_of(pepper: bytes, proof_id: str, code: str) -> str:
    """What a code is known by. A million codes are soon tried: without the pepper the digest proves none of them."""
    return hmac.digest(pepper, f"proof:{proof_id}:{code}".encode(), hashlib.sha256)[:_DIGEST_BYTES].hex()


def write_code(identity: Identity, code: str) -> Mail:
    """The mail with a code. Nothing in it is text that whoever asked for it could choose."""
    provider = public_name(identity.provider).capitalize()
    return Mail(
        to=identity.email,
        subject="Your Messenger code",
        text=f"""Your Messenger code is {code}. It is good for {PROOF_SECONDS // 60} minutes.

It lets an account at {provider} sign in to Messenger as you. If it was not you who has just come from there, do
nothing, and give the code to nobody: whoever has it gets into your account.
""",
    )


def suggest_username(identity: Identity) -> str:
    """A username for somebody who comes by a provider: of their name or address, and an end that is hardly taken."""
    for source in (identity.name, identity.email.partition("@")[0]):
        words = ".".join(filter(None, _FOREIGN.split(source.lower())))
        if plain := words.lstrip("0123456789.")[:NAME_CHARACTERS].rstrip("."):
            return f"{plain}_{secrets.token_hex(3)}"
    return f"guest_{secrets.token_hex(4)}"
