"""What people may call themselves and their things: text that is seen, in one line, and that stays within it."""

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Mn", "Zl", "Zp", "Zs"})
"""Unicode's categories of characters that show nothing by themselves."""
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a pattern that show nothing either."""
_UNSHOWN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Those of what is not seen, or turns what stands beside it. Not `Cn`: new emoji are that to us."""
_OF_SCRIPTS = frozenset("\u00ad\u061c\u200c\u200d\u200e\u200f")
"""Of these, what scripts are written with: joiners, hyphens, and marks of direction, which turn nothing around them."""
_FLAG_TAGS = range(0xE0020, 0xE0080)
"""Of which the flags of England, Scotland and Wales are made."""


def shows_something(text: str) -> bool:
    """Whether there is anything in a text that one sees: more than spaces, joiners, marks and signs of direction."""
    return any(unicodedata.category(each) not in _UNSEEN and each not in _BLANK for each in text)


def one_line(text: str) -> str:
    """A name as it is shown: in its composed form, without spaces around it.

    Raises `ValueError` for what cannot be read in one line, or would turn what stands beside it.
    """
    shown = unicodedata.normalize("NFC", text).strip()
    if any(map(_breaks_out, shown)) or not shows_something(shown):
        raise ValueError("must be readable text in one line")
    return shown


def _breaks_out(character: str) -> bool:
    if character in _OF_SCRIPTS or ord(character) in _FLAG_TAGS:
        return False
    return unicodedata.category(character) in _UNSHOWN
