"""The rules of usernames, addresses, and the proof of a password that waits for its code.

Decision on look-alikes. A username is ASCII in small letters, so scripts cannot be mixed. Of Unicode's confusables
(UTS 39, confusables.txt) three pairs are left within that alphabet: `0` and `o` (`O` in capitals), `1` and `l`, `rn`
and `m`; a test checks that these are all. `vv` and `w` are ours. Two names are one when they have the same skeleton:
whoever has `ada.byron` keeps `ada.byr0n` and `ada.byrom` from strangers who would speak in their name. Dots and
underscores are seen, so they tell names apart; only for reserved names they count as nothing. A display name may be any
readable text: clients show the username beside it.

Addresses are what Cognito and SES can mail to: before the `@` the ASCII of RFC 5322's dot-atom, behind it a domain in
its ASCII form, to which one with other letters is brought (IDNA 2008, UTS 46).
"""

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

import idna

FLOW_SECONDS = 3600.0
"""How long a sign-up can be verified. After that nobody can, so the name is free again."""
_MARGIN = timedelta(minutes=1)

_USERNAME = re.compile(r"(?=.{3,30}\Z)[a-z][a-z0-9]*([_.][a-z0-9]+)*")
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ATOM = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
LONGEST_LOGIN = 128
"""Of what Cognito looks up, an address included."""
_EMAIL = re.compile(
    rf"(?=.{{3,{LONGEST_LOGIN}}}\Z)(?=[^@]{{1,64}}@)"
    rf"{_ATOM}(\.{_ATOM})*"
    rf"@({_LABEL}\.)+(?![0-9]+\Z){_LABEL}"  # no top-level domain is a number, so this is no bare IP address
)
RESERVED = frozenset(
    {
        *("about", "abuse", "account", "admin", "administrator", "anonymous", "api", "auth", "billing", "bot"),
        *("contact", "everyone", "help", "here", "info", "login", "me", "messenger", "moderator", "news", "noreply"),
        *("notification", "null", "official", "postmaster", "privacy", "root", "security", "settings", "staff"),
        *("status", "support", "system", "team", "terms", "undefined", "webmaster"),
    }
)

_OFFICIAL = frozenset({"admin", "administrator", "messenger", "moderator", "official", "security", "staff", "support"})
"""Nobody has them as a part of a name either."""
_LOOK_ALIKES = (("0", "o"), ("1", "l"), ("rn", "m"), ("vv", "w"))

_SALT_BYTES = 16
_DECOY = bytes(_SALT_BYTES + 64)


def fold(text: str) -> str:
    """A login, username or address in the one form that is kept and compared."""
    folded = text.strip().lower()
    local, at, domain = folded.rpartition("@")
    if not at or domain.isascii():
        return folded
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except UnicodeError:  # as idna has its own errors
        return folded  # which is nobody's


def check_username(username: str) -> str:
    """The folded username; raises `ValueError` when it breaks the rules."""
    folded = fold(username)
    if not _USERNAME.fullmatch(folded):
        raise ValueError("takes 3 to 30 of a-z and 0-9, begins with a letter, and may have single _ and . between them")
    return folded


def skeleton(username: str) -> str:
    """What a folded username looks like: the same for names that people take for one another."""
    for shown, meant in _LOOK_ALIKES:
        username = username.replace(shown, meant)
    return username


def is_reserved(username: str) -> bool:
    """Whether a folded username is, or looks like, one that nobody may have; here a `1` may stand for an `i` too."""
    return any(
        skeleton(re.sub(r"[_.]", "", read)) in _RESERVED_LOOKS
        or not _OFFICIAL_LOOKS.isdisjoint(map(skeleton, re.split(r"[_.]", read)))
        for read in (username, username.replace("1", "i"))
    )


def check_email(email: str) -> str:
    """The folded address; raises `ValueError` when it cannot be one."""
    folded = fold(email)
    if not _EMAIL.fullmatch(folded):
        raise ValueError("is not an e-mail address")
    return folded


def is_abandoned(created_at: datetime, now: datetime) -> bool:
    """Whether an account that is still not verified can never be."""
    return now - created_at > timedelta(seconds=FLOW_SECONDS) + _MARGIN


def prove(password: str, salt: bytes | None = None) -> str:
    """What proves the knowledge of a password later. Takes some 50 ms of a CPU, on purpose: run it in a thread."""
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    return base64.b64encode(salt + digest).decode()


def proves(proof: str | None, password: str) -> bool:
    """Whether the password is that of the proof. Without a proof it is not, in the same time."""
    known = base64.b64decode(proof) if proof else _DECOY
    return hmac.compare_digest(prove(password, known[:_SALT_BYTES]), base64.b64encode(known).decode())


_RESERVED_LOOKS = frozenset(map(skeleton, RESERVED))
_OFFICIAL_LOOKS = frozenset(map(skeleton, _OFFICIAL))
