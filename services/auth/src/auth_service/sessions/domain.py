"""When a refresh token, or a browser's cookie, renews a session.

Decision. Each renewal moves the session to the next generation, and only the token of the present one is good. A token
of an older generation in use means that two hold it, the person and a thief, and nobody can tell which is which: the
session ends. One exception keeps honest clients signed in: for a minute after a renewal the token just replaced is
answered with one of the *present* generation, because the first answer may have been lost, or two tabs have asked at
once. A thief gains no more by that than by the stolen token itself: whoever of the two comes later than the minute
ends the session for both.

A browser that leaves a page drops the answer that was on its way, cookie and all, and may come back a week later. The
gateways note which cookies they have seen: as long as nobody has shown the present one, the one before it is no replay
but all that the browser has, and renews the session whenever it comes.
"""

from enum import Enum

GRACE_SECONDS = 60
RENEWED_AFTER = 2 / 3
"""The part of a cookie's access after which the gateway asks for the next, so that there is time for it to fail."""


class Verdict(Enum):
    """What to do about a refresh token."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    END = "end"


def judge(presented: int, present: int, rotated_at: int, now: int, *, arrived: bool = True) -> Verdict:
    """What a token of one generation deserves in a session of another. Times are in seconds.

    `arrived` is false where it is known that nobody has shown the present generation.
    """
    if presented == present:
        return Verdict.ROTATE
    if presented == present - 1 and (now - rotated_at <= GRACE_SECONDS or not arrived):
        return Verdict.REPEAT
    return Verdict.END
