"""Which passwords are good enough.

NIST SP 800-63B-4, 3.1.1.2: long, no rules of composition, but none that is known to be common, and none that the
account gives away. Common are the passwords of breaches in `common.txt.xz`: the list itself, not a filter of it, so
that nobody is refused by accident. A password is also refused when all that it adds to a common one are digits and
signs around it, or common substitutions of letters, because that is what guessing programs try first.

One password, typed on two devices, may come as other code points: an accent by itself, a space that does not break.
It is brought to one form first, as RFC 8265, 4.2 (`OpaqueString`) has it.
"""

import lzma
import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import pairwise

SHORTEST, LONGEST = 12, 256
"""The pool demands the first (`infra/user_pool.json`), Cognito takes no more than the second."""
_ADDED = 8
"""What a password must have beside the names in it."""
_DISTINCT = 5
_NAME = 4
"""Shorter names are in many words by chance."""

_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_SUBSTITUTED = str.maketrans("@4310$5!7", "aaeiossit")

TOO_COMMON = "is among the first that programs try: choose another"
TOO_PERSONAL = "is mostly your username or e-mail address: choose another"
LENGTH = f"must have {SHORTEST} to {LONGEST} characters"
CONTROLS = "must not hold control characters, such as ends of lines"
EDGE_SPACE = "must not begin or end with a space"


def normal(password: str) -> str:
    """The one form of a password in which it is set and compared; raises `ValueError` for what is no Unicode."""
    if any(unicodedata.category(letter) == "Cs" for letter in password):
        raise ValueError("must be Unicode, without lone surrogates")
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in password)
    return unicodedata.normalize("NFC", spaced)


def check_password(password: str, names: Iterable[str] = ()) -> str | None:
    """What is wrong with a new password of somebody with these names and addresses; None if nothing is.

    Its length is checked where it comes in.
    """
    if password.strip() != password:
        return EDGE_SPACE
    if any(unicodedata.category(letter) == "Cc" for letter in password):
        return CONTROLS
    if _is_common(password):
        return TOO_COMMON
    if _is_personal(password, names):
        return TOO_PERSONAL
    return None


def _is_common(password: str) -> bool:
    folded = password.casefold()
    unit = folded[: _period(folded)]
    if len(set(folded)) < _DISTINCT or _is_row(folded):
        return True
    core = _AROUND.sub("", unit)
    guesses = {folded, unit, core, core.translate(_SUBSTITUTED), _AROUND.sub("", unit.translate(_SUBSTITUTED))}
    return not guesses.isdisjoint(common_passwords())


def _is_personal(password: str, names: Iterable[str]) -> bool:
    rest = password.casefold()
    parts = {part for name in names for part in (name.casefold(), name.casefold().partition("@")[0])}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _NAME:
            rest = rest.replace(part, "")
    return len(rest) < _ADDED and rest != password.casefold()


def _period(text: str) -> int:
    """The length of the shortest beginning that the text goes on to repeat to its end; else the text's own."""
    for length in range(1, (len(text) + 1) // 2 + 1):
        if text[length:] == text[:-length]:
            return length
    return len(text)


def _is_row(text: str) -> bool:
    """Whether the text runs through the alphabet, or round and round through the digits."""
    circle = 10 if text.isdecimal() else sys.maxunicode
    return len({(ord(after) - ord(before)) % circle for before, after in pairwise(text)}) == 1


@cache
def common_passwords() -> frozenset[str]:
    """The list, folded. It takes some 4 MB and is read once a process."""
    packed = (files(__package__) / "common.txt.xz").read_bytes()
    return frozenset(lzma.decompress(packed).decode().split("\n"))
